# SPDX-License-Identifier: LGPL-2.1-or-later
# Binary packages of a release build, made by `cpack -G DEB` or `cpack -G RPM` in its folder: one package, since
# whoever installs it wants boots to be faster and not to know what his initramfs is made with.
# Distributions have packaging of their own; units/deb and units/rpm say what theirs has to do.

set(BOOTAHEAD_PACKAGER "bootahead developers <bootahead@example.org>" CACHE STRING "Who answers for binary packages")
set(BOOTAHEAD_PACKAGE_RELEASE 1 CACHE STRING "Number of a binary package among those of one version")

foreach(script deb/postinst deb/prerm deb/postrm rpm/post rpm/preun rpm/postun rpm/posttrans)
        configure_file(units/${script}.in ${PROJECT_BINARY_DIR}/packages/${script} @ONLY
                FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
configure_file(units/deb/triggers ${PROJECT_BINARY_DIR}/packages/deb/triggers COPYONLY)

set(CPACK_PACKAGE_NAME bootahead)
set(CPACK_PACKAGE_VENDOR bootahead)
set(CPACK_PACKAGE_CONTACT ${BOOTAHEAD_PACKAGER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "boot readahead that measures what it gains")
set(CPACK_PACKAGE_DESCRIPTION
"Records once which files a boot reads, through fanotify or the kernel's audit
system and without any log, and reads them ahead on later boots, from the
initramfs on, before anyone asks for them.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime systemd initramfs-tools dracut doc completions)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/PackageComponents.cmake)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${BOOTAHEAD_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS systemd)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "initramfs-tools | dracut")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(script postinst prerm postrm triggers)
        list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/packages/deb/${script})
endforeach()

set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_RELEASE ${BOOTAHEAD_PACKAGE_RELEASE})
set(CPACK_RPM_PACKAGE_LICENSE LGPL-2.1-or-later)
set(CPACK_RPM_PACKAGE_REQUIRES systemd)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${PROJECT_BINARY_DIR}/packages/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${PROJECT_BINARY_DIR}/packages/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${PROJECT_BINARY_DIR}/packages/rpm/postun)
set(CPACK_RPM_POST_TRANS_SCRIPT_FILE ${PROJECT_BINARY_DIR}/packages/rpm/posttrans)
# Folders that other packages own.
foreach(folder bin lib lib/dracut lib/dracut/modules.d lib/systemd lib/systemd/system lib/systemd/system-generators
        lib/systemd/catalog lib/tmpfiles.d share/bash-completion share/bash-completion/completions share/zsh
        share/zsh/site-functions share/fish share/fish/vendor_completions.d share/initramfs-tools
        share/initramfs-tools/hooks share/initramfs-tools/scripts share/initramfs-tools/scripts/init-top
        share/initramfs-tools/scripts/local-bottom libexec share share/doc share/man share/man/man1 share/man/man5 share/man/man8)
        list(APPEND CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION ${CMAKE_INSTALL_PREFIX}/${folder})
endforeach()

# What Debian's policy wants beside the programs.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/DebianPolicy.cmake)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(file copyright changelog.Debian lintian-overrides)
        configure_file(units/deb/${file}.in ${PROJECT_BINARY_DIR}/packages/deb/${file} @ONLY)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/packages/deb/copyright ${PROJECT_BINARY_DIR}/packages/deb/changelog.Debian
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_BINARY_DIR}/packages/deb/lintian-overrides
        DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME bootahead COMPONENT debian EXCLUDE_FROM_ALL)
include(CPack)
