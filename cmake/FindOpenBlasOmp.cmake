# Finds OpenBLAS in its OpenMP flavour, with the LAPACK inside it (ssyevd_).
#
#   OpenBlas::openmp     the imported target: cblas.h and f77blas.h of this very build, the library,
#                        and a run path to it
#   OpenBlasOmp_LIBRARY, OpenBlasOmp_INCLUDE_DIR    may be set by hand, as may OpenBlasOmp_ROOT
#
# Why not FindBLAS: on Debian the plain names lead to whatever the alternatives system points at,
# by default the pthread flavour. Called from an OpenMP program that one starts a second pool of
# threads beside OpenMP's own, and the two fight for the cores. So the flavour is asked of the
# library itself, by a small program that is run, and any other is refused.
#
# Why a run path: all flavours have the same soname, so the loader would take the alternative's
# again.

set(_kin_blas_dir "${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp")
find_path(OpenBlasOmp_INCLUDE_DIR NAMES cblas.h
    HINTS "/usr/include/${_kin_blas_dir}"
    PATH_SUFFIXES include/openblas-openmp include/openblas include openblas-openmp openblas)
find_library(OpenBlasOmp_LIBRARY NAMES openblas
    HINTS "/usr/lib/${_kin_blas_dir}"
    PATH_SUFFIXES lib/openblas-openmp openblas-openmp openblas)
mark_as_advanced(OpenBlasOmp_INCLUDE_DIR OpenBlasOmp_LIBRARY)

# Asks the library which threads it runs on (OpenBLAS's numbers: 0 none, 1 pthreads, 2 OpenMP).
# Kept in the CMake cache under the library's name: running a program costs a second.
function(_kin_blas_ask)
    if(OpenBlasOmp_ASKED STREQUAL OpenBlasOmp_LIBRARY)
        return()
    endif()
    set(dir "${CMAKE_BINARY_DIR}/CMakeFiles/OpenBlasOmp")
    file(WRITE "${dir}/ask.c" [[
#include <stdio.h>
extern int openblas_get_parallel(void);
extern char *openblas_get_config(void);
extern void ssyevd_(void);
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 100)
        ssyevd_(); /* only has to link */
    printf("%d;%s", openblas_get_parallel(), openblas_get_config());
    return 0;
}
]])
    get_filename_component(where "${OpenBlasOmp_LIBRARY}" DIRECTORY)
    try_run(ran compiled "${dir}/build" "${dir}/ask.c"
        LINK_LIBRARIES "${OpenBlasOmp_LIBRARY}"
        LINK_OPTIONS "LINKER:-rpath,${where}"
        RUN_OUTPUT_VARIABLE answer)
    if(NOT compiled OR NOT ran EQUAL 0)
        set(answer "-1;")
    endif()
    list(GET answer 0 threads)
    string(REGEX MATCH "OpenBLAS ([0-9][0-9.]*)" matched "${answer}")
    set(OpenBlasOmp_THREADS "${threads}" CACHE INTERNAL "0 none, 1 pthreads, 2 OpenMP")
    set(OpenBlasOmp_VERSION "${CMAKE_MATCH_1}" CACHE INTERNAL "version of OpenBLAS")
    set(OpenBlasOmp_ASKED "${OpenBlasOmp_LIBRARY}" CACHE INTERNAL "the library that answered")
endfunction()

set(_kin_blas_usable FALSE)
set(_kin_blas_reason "")
if(OpenBlasOmp_LIBRARY AND OpenBlasOmp_INCLUDE_DIR)
    _kin_blas_ask()
    if(OpenBlasOmp_THREADS EQUAL 2)
        set(_kin_blas_usable TRUE)
    elseif(OpenBlasOmp_THREADS EQUAL 1)
        set(_kin_blas_reason "${OpenBlasOmp_LIBRARY} is the pthread flavour of OpenBLAS: its threads would compete with OpenMP's.  ")
    elseif(OpenBlasOmp_THREADS EQUAL 0)
        set(_kin_blas_reason "${OpenBlasOmp_LIBRARY} is the single-threaded flavour of OpenBLAS.  ")
    else()
        set(_kin_blas_reason "${OpenBlasOmp_LIBRARY} is not an OpenBLAS with LAPACK that links and runs.  ")
    endif()
    if(NOT _kin_blas_usable)
        # Forgotten, so that the next run looks again once the right package is there.
        unset(OpenBlasOmp_LIBRARY CACHE)
        unset(OpenBlasOmp_INCLUDE_DIR CACHE)
    endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBlasOmp
    REQUIRED_VARS OpenBlasOmp_LIBRARY OpenBlasOmp_INCLUDE_DIR _kin_blas_usable
    VERSION_VAR OpenBlasOmp_VERSION
    REASON_FAILURE_MESSAGE "${_kin_blas_reason}Run ./tools/setup (Debian package: libopenblas-openmp-dev).")

if(OpenBlasOmp_FOUND AND NOT TARGET OpenBlas::openmp)
    get_filename_component(_kin_blas_where "${OpenBlasOmp_LIBRARY}" DIRECTORY)
    add_library(OpenBlas::openmp UNKNOWN IMPORTED)
    set_target_properties(OpenBlas::openmp PROPERTIES
        IMPORTED_LOCATION "${OpenBlasOmp_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${OpenBlasOmp_INCLUDE_DIR}"
        INTERFACE_LINK_OPTIONS "LINKER:-rpath,${_kin_blas_where}"
        INTERFACE_LINK_LIBRARIES m)
endif()
