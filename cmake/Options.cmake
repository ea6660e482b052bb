# SPDX-License-Identifier: LGPL-2.1-or-later
# Our compiler flags, on one interface target; the packager's CMAKE_C_FLAGS and build type stay his.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)                       # statement expressions, cleanup attributes
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Everything a build puts on disk for others goes through these names.
set(BOOTAHEAD_STATEDIR /var/lib/bootahead CACHE PATH "Where the machine's own profile lives")
set(BOOTAHEAD_RUNDIR /run/bootahead CACHE PATH "State of the running boot")
set(BOOTAHEAD_LIBEXECDIR ${CMAKE_INSTALL_FULL_LIBEXECDIR}/bootahead CACHE PATH "Private programs")

option(BOOTAHEAD_WERROR "Treat compiler warnings as errors" OFF)
option(BOOTAHEAD_SANITIZE "Build with address and undefined behaviour sanitizers" OFF)

add_library(bootahead-options INTERFACE)
target_compile_definitions(bootahead-options INTERFACE
        _GNU_SOURCE
        BOOTAHEAD_VERSION="${PROJECT_VERSION}"
        BOOTAHEAD_STATEDIR="${BOOTAHEAD_STATEDIR}"
        BOOTAHEAD_RUNDIR="${BOOTAHEAD_RUNDIR}"
        BOOTAHEAD_LIBEXECDIR="${BOOTAHEAD_LIBEXECDIR}")
target_include_directories(bootahead-options INTERFACE ${PROJECT_SOURCE_DIR}/profiles)

foreach(flag
        -Wall -Wextra                            # the usual mistakes
        -Wshadow                                 # a cleanup attribute on the wrong variable
        -Wstrict-prototypes -Wmissing-prototypes # every function is static or in a header
        -Wformat=2                               # formats are literals
        -Wvla                                    # stack use stays bounded
        -Wimplicit-fallthrough                   # table-driven switches say what they mean
        -Wwrite-strings                          # audit_rule_fieldpair_data() writes into its argument
        -Wundef
        -Wno-string-plus-int                     # a path below a root is its name without the first slash
        -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.) # reproducible builds
        string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
        if(flag MATCHES "prefix-map")
                set(known HAVE_FILE_PREFIX_MAP)
        endif()
        check_c_compiler_flag(${flag} ${known})
        if(${known})
                target_compile_options(bootahead-options INTERFACE ${flag})
        endif()
endforeach()

if(BOOTAHEAD_WERROR)
        target_compile_options(bootahead-options INTERFACE -Werror)
endif()
if(BOOTAHEAD_SANITIZE)
        target_compile_options(bootahead-options INTERFACE
                -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
        target_link_options(bootahead-options INTERFACE -fsanitize=address,undefined)
endif()

# bootahead_program(NAME source...) - a program in the private exec directory.
# All programs of the build tree stand in one folder, as installed, so that they find each other.
function(bootahead_program name)
        add_executable(${name} ${ARGN})
        target_link_libraries(${name} PRIVATE bootahead-options)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/libexec)
        install(TARGETS ${name} RUNTIME DESTINATION ${BOOTAHEAD_LIBEXECDIR} COMPONENT runtime)
endfunction()

# bootahead_manual(SOURCE) - builds and installs NAME.SECTION from NAME.SECTION.scd
function(bootahead_manual source)
        if(NOT BOOTAHEAD_MAN)
                return()
        endif()
        find_program(SCDOC scdoc REQUIRED)
        string(REGEX REPLACE "\\.scd$" "" page ${source})
        string(REGEX MATCH "[0-9]$" section ${page})
        add_custom_command(OUTPUT ${page}
                COMMAND ${SCDOC} < ${CMAKE_CURRENT_SOURCE_DIR}/${source} > ${page}
                DEPENDS ${source} VERBATIM)
        string(MAKE_C_IDENTIFIER man-${page} target)
        add_custom_target(${target} ALL DEPENDS ${page})
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${page}
                DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT doc)
endfunction()
