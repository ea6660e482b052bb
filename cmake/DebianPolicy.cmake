# SPDX-License-Identifier: LGPL-2.1-or-later
# Run by CPack on what is about to be packed: in Debian's packages manual pages and changelogs are compressed.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
        return()
endif()
file(GLOB_RECURSE files ${CPACK_TEMPORARY_DIRECTORY}/*)
list(FILTER files INCLUDE REGEX "/share/man/.*[0-9]$|/changelog.Debian$")
execute_process(COMMAND gzip --best --no-name --force ${files} COMMAND_ERROR_IS_FATAL ANY)
