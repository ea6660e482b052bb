# SPDX-License-Identifier: LGPL-2.1-or-later
# Read by CPack for each kind of package.
if(CPACK_GENERATOR STREQUAL "DEB")
        list(APPEND CPACK_COMPONENTS_ALL debian)
endif()
