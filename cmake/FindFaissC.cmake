# Finds FAISS with its C API, 1.7.3 or newer.
#
#   FaissC::faiss_c      the imported target, with all that has to be linked behind it
#   FaissC_VERSION       of the FAISS found
#   FaissC_LIBRARY, FaissC_FAISS_LIBRARY, FaissC_INCLUDE_DIR
#                        what was found; may be set by hand (say, libfaiss_c_avx512 and
# libfaiss_avx512)
#   FaissC_ROOT, FAISS_ROOT (variable or environment), CMAKE_PREFIX_PATH    where to look first
#   FaissC_USE_CACHE     OFF: do not fall back on the build of ./tools/setup
#
# Searched in this order: an installed library (shared or static), the CMake package `faiss` when it
# exports the C API, the build that ./tools/setup keeps in the user's cache. A place only counts
# when a program that calls faiss_Index_add links against it: Debian's libfaiss-dev installs the
# headers of the C API and none of its symbols.

include(CheckSourceCompiles)
include(FindPackageHandleStandardArgs)
find_package(OpenMP REQUIRED COMPONENTS C)
if(NOT OpenBlasOmp_FOUND)
    find_package(OpenBlasOmp REQUIRED)
endif()
if(NOT DEFINED FaissC_USE_CACHE)
    set(FaissC_USE_CACHE ON)
endif()
set(_kin_faiss_rejected "")

# The version stands in a C++ header, as three macros.
function(_kin_faiss_version include_dir out)
    set(version "")
    if(EXISTS "${include_dir}/faiss/Index.h")
        file(STRINGS "${include_dir}/faiss/Index.h" lines REGEX "#define FAISS_VERSION_[A-Z]+ [0-9]+")
        foreach(part MAJOR MINOR PATCH)
            string(REGEX MATCH "FAISS_VERSION_${part} ([0-9]+)" matched "${lines}")
            list(APPEND version "${CMAKE_MATCH_1}")
        endforeach()
        list(JOIN version "." version)
    endif()
    set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Does a C program that uses the C API link? `libraries` is all it needs.
function(_kin_faiss_links include_dirs libraries out)
    string(MD5 key "${include_dirs};${libraries}")
    set(CMAKE_REQUIRED_QUIET ON)
    set(CMAKE_REQUIRED_INCLUDES "${include_dirs}")
    set(CMAKE_REQUIRED_LIBRARIES "${libraries}")
    unset(FaissC_LINKS_${key} CACHE) # a place can be repaired between two runs
    check_source_compiles(C "
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/index_factory_c.h>
int main(void)
{
    FaissIndex *index = 0;
    const float row[1] = {0};
    faiss_index_factory(&index, 1, \"Flat\", METRIC_INNER_PRODUCT);
    return faiss_Index_add(index, 1, row);
}" FaissC_LINKS_${key})
    set(${out} "${FaissC_LINKS_${key}}" PARENT_SCOPE)
    unset(FaissC_LINKS_${key} CACHE)
endfunction()

# Takes one place if it is new enough and links: sets FaissC_LIBRARY and its siblings.
macro(_kin_faiss_try include_dir c_library faiss_library)
    _kin_faiss_version("${include_dir}" _kin_faiss_found_version)
    # A static library needs the C++ runtime named; a shared one brings its own, and gets it
    # unharmed.
    set(_kin_faiss_needs "${faiss_library}" OpenBlas::openmp OpenMP::OpenMP_C stdc++ m)
    if(NOT _kin_faiss_found_version)
        list(APPEND _kin_faiss_rejected "${c_library}: no faiss/Index.h beside it, so its version is unknown")
    elseif(_kin_faiss_found_version VERSION_LESS 1.7.3)
        list(APPEND _kin_faiss_rejected "${c_library}: version ${_kin_faiss_found_version}, 1.7.3 is needed")
    else()
        _kin_faiss_links("${include_dir}" "${c_library};${_kin_faiss_needs}" _kin_faiss_ok)
        if(_kin_faiss_ok)
            set(FaissC_VERSION "${_kin_faiss_found_version}")
            set(FaissC_INCLUDE_DIR "${include_dir}")
            set(FaissC_LIBRARY "${c_library}")
            set(FaissC_FAISS_LIBRARY "${faiss_library}")
        else()
            list(APPEND _kin_faiss_rejected "${c_library}: a program that calls faiss_Index_add does not link")
        endif()
    endif()
endmacro()

# 1. Installed. Results of the search live in variables of their own, so that a place found once and
#    gone since is not clung to.
set(_kin_faiss_roots ${FAISS_ROOT} $ENV{FAISS_ROOT})
if(FaissC_LIBRARY AND FaissC_INCLUDE_DIR)
    set(_kin_faiss_c "${FaissC_LIBRARY}")
    set(_kin_faiss_cpp "${FaissC_FAISS_LIBRARY}")
    set(_kin_faiss_include "${FaissC_INCLUDE_DIR}")
    set(FaissC_LIBRARY "") # until it is checked; hides the cache's
else()
    find_library(_kin_faiss_c NAMES faiss_c HINTS ${_kin_faiss_roots} PATH_SUFFIXES lib lib64 NO_CACHE)
    find_path(_kin_faiss_include NAMES faiss/c_api/Index_c.h
        HINTS ${_kin_faiss_roots} PATH_SUFFIXES include NO_CACHE)
    if(_kin_faiss_c)
        # From the same folder: a C API over another build of FAISS would be undefined behaviour.
        get_filename_component(_kin_faiss_where "${_kin_faiss_c}" DIRECTORY)
        find_library(_kin_faiss_cpp NAMES faiss HINTS "${_kin_faiss_where}" NO_DEFAULT_PATH NO_CACHE)
    endif()
endif()
string(REGEX REPLACE "/$" "" _kin_faiss_include "${_kin_faiss_include}")
if(_kin_faiss_c AND _kin_faiss_include)
    if(NOT _kin_faiss_cpp)
        set(_kin_faiss_cpp "")
    endif()
    _kin_faiss_try("${_kin_faiss_include}" "${_kin_faiss_c}" "${_kin_faiss_cpp}")
elseif(_kin_faiss_include)
    list(APPEND _kin_faiss_rejected
        "${_kin_faiss_include}/faiss/c_api: headers without a library faiss_c (as in Debian's libfaiss-dev)")
endif()

# 2. The CMake package. Its targets name OpenMP's C++ target, which a project in C does not have.
if(NOT FaissC_LIBRARY)
    if(NOT TARGET OpenMP::OpenMP_CXX)
        add_library(OpenMP::OpenMP_CXX INTERFACE IMPORTED)
        set_target_properties(OpenMP::OpenMP_CXX PROPERTIES INTERFACE_LINK_LIBRARIES OpenMP::OpenMP_C)
    endif()
    find_package(faiss CONFIG QUIET HINTS ${_kin_faiss_roots})
    if(faiss_FOUND AND TARGET faiss_c)
        if(faiss_VERSION VERSION_LESS 1.7.3)
            list(APPEND _kin_faiss_rejected "${faiss_DIR}: version ${faiss_VERSION}, 1.7.3 is needed")
        else()
            get_target_property(_kin_faiss_include faiss_c INTERFACE_INCLUDE_DIRECTORIES)
            _kin_faiss_links("${_kin_faiss_include}"
                "faiss_c;faiss;OpenBlas::openmp;OpenMP::OpenMP_C;stdc++;m" _kin_faiss_ok)
            if(_kin_faiss_ok)
                set(FaissC_VERSION "${faiss_VERSION}")
                set(FaissC_INCLUDE_DIR "${_kin_faiss_include}")
                set(FaissC_LIBRARY faiss_c)
                set(FaissC_FAISS_LIBRARY faiss)
                set(_kin_faiss_needs faiss OpenBlas::openmp OpenMP::OpenMP_C stdc++ m)
            endif()
        endif()
    endif()
endif()

# 3. The build of ./tools/setup, which alone knows its name.
if(NOT FaissC_LIBRARY AND FaissC_USE_CACHE)
    execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/../tools/setup" --faiss-dir
        OUTPUT_VARIABLE _kin_faiss_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_kin_faiss_dir AND IS_DIRECTORY "${_kin_faiss_dir}")
        _kin_faiss_try("${_kin_faiss_dir}/include"
            "${_kin_faiss_dir}/lib/libfaiss_c.a" "${_kin_faiss_dir}/lib/libfaiss.a")
    endif()
endif()

list(JOIN _kin_faiss_rejected "; " _kin_faiss_rejected)
if(_kin_faiss_rejected)
    set(_kin_faiss_rejected "Not taken: ${_kin_faiss_rejected}.  ")
endif()
find_package_handle_standard_args(FaissC
    REQUIRED_VARS FaissC_LIBRARY FaissC_INCLUDE_DIR
    VERSION_VAR FaissC_VERSION
    REASON_FAILURE_MESSAGE "${_kin_faiss_rejected}Run ./tools/setup to build one, or set FAISS_ROOT to the prefix of a FAISS 1.7.3 or newer with its C API.")

if(FaissC_FOUND AND NOT TARGET FaissC::faiss_c)
    add_library(FaissC::faiss_c INTERFACE IMPORTED)
    set_target_properties(FaissC::faiss_c PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${FaissC_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${FaissC_LIBRARY};${_kin_faiss_needs}")
    set(_kin_faiss_where "")
    if(TARGET "${FaissC_LIBRARY}")
        set(_kin_faiss_where "$<TARGET_FILE_DIR:${FaissC_LIBRARY}>")
    elseif(FaissC_LIBRARY MATCHES "\\.so")
        get_filename_component(_kin_faiss_where "${FaissC_LIBRARY}" DIRECTORY)
    endif()
    if(_kin_faiss_where)
        # A shared FAISS outside the loader's own folders is found again by a run path, and
        # libfaiss, which libfaiss_c needs, only by the older kind that counts for indirect needs
        # too.
        set_target_properties(FaissC::faiss_c PROPERTIES
            INTERFACE_LINK_OPTIONS "LINKER:--disable-new-dtags;LINKER:-rpath,${_kin_faiss_where}")
    endif()
endif()
