# SPDX-License-Identifier: LGPL-2.1-or-later
# systemd's directories, asked from systemd.pc with its prefixes relocated to ours; each can be set by hand.
# Debian 12 splits them over three prefixes, so all three are overridden.

find_package(PkgConfig REQUIRED)

function(bootahead_systemd_directory cache variable fallback help)
        if(DEFINED CACHE{${cache}})
                return()
        endif()
        execute_process(
                COMMAND ${PKG_CONFIG_EXECUTABLE}
                        --define-variable=prefix=${CMAKE_INSTALL_PREFIX}
                        --define-variable=rootprefix=${CMAKE_INSTALL_PREFIX}
                        --define-variable=root_prefix=${CMAKE_INSTALL_PREFIX}
                        --variable=${variable} systemd
                OUTPUT_VARIABLE value OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        if(NOT value)
                set(value ${CMAKE_INSTALL_PREFIX}/${fallback})
        endif()
        set(${cache} ${value} CACHE PATH ${help})
endfunction()

bootahead_systemd_directory(SYSTEMD_UNIT_DIR systemdsystemunitdir lib/systemd/system "Unit files")
bootahead_systemd_directory(SYSTEMD_GENERATOR_DIR systemdsystemgeneratordir lib/systemd/system-generators "Generators")
bootahead_systemd_directory(SYSTEMD_CATALOG_DIR catalogdir lib/systemd/catalog "Message catalogues")
