# libkin.so.0: kin/ and everything that it needs in one file, of which nothing but kin/kin.h's names
# is seen.
#
# What is linked in statically cannot meet the host's: all flavours of OpenBLAS have one soname, and
# in a process that has loaded another one, as NumPy may have, that one would be everyone's. What
# stays shared is libgomp, whose threads a process should have once, libgcc_s for the same reason,
# and libc. A library that this system has no static build of is linked as it is, with a warning:
# the result works, and a copy of it needs that library beside it.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# FAISS's own libraries, whichever way they were found.
set(kin_faiss "${FaissC_LIBRARY}" ${FaissC_FAISS_LIBRARY})
if(TARGET "${FaissC_LIBRARY}") # of FAISS's own CMake package
  set(kin_faiss "$<TARGET_FILE:${FaissC_LIBRARY}>" "$<TARGET_FILE:${FaissC_FAISS_LIBRARY}>")
endif()

# The file of a static library, else `fallback`. Extra arguments: folders to look in.
function(kin_static out name fallback)
  find_library(KIN_STATIC_${name} NAMES lib${name}.a HINTS ${ARGN})
  mark_as_advanced(KIN_STATIC_${name})
  if(NOT KIN_STATIC_${name}) # of the compiler itself, in a folder of its version
    execute_process(COMMAND "${CMAKE_C_COMPILER}" -print-file-name=lib${name}.a OUTPUT_VARIABLE file OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(EXISTS "${file}")
      set(KIN_STATIC_${name} "${file}" CACHE FILEPATH "static library" FORCE)
    endif()
  endif()
  if(KIN_STATIC_${name})
    set(${out} "${KIN_STATIC_${name}}" PARENT_SCOPE)
  else()
    message(WARNING "lib${name}.a is not there: libkin.so links ${fallback} and is not in one file")
    set(${out} "${fallback}" PARENT_SCOPE)
  endif()
endfunction()

get_filename_component(kin_blas_dir "${OpenBlasOmp_LIBRARY}" DIRECTORY)
kin_static(kin_openblas openblas "${OpenBlasOmp_LIBRARY}" "${kin_blas_dir}")
kin_static(kin_gfortran gfortran -lgfortran)
kin_static(kin_quadmath quadmath -lquadmath)
kin_static(kin_stdcxx stdc++ -lstdc++)
kin_static(kin_jansson jansson -ljansson)
kin_static(kin_xxhash xxhash -lxxhash)
kin_static(kin_zlib z -lz)

file(GLOB library CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/kin/*.c")
add_library(kin_library SHARED ${library})
set_target_properties(kin_library PROPERTIES OUTPUT_NAME kin VERSION "${PROJECT_VERSION}" SOVERSION 0
  LINK_DEPENDS "${CMAKE_SOURCE_DIR}/kin/libkin.map")
target_compile_options(kin_library PRIVATE ${KIN_LEVEL})
set_source_files_properties("${CMAKE_SOURCE_DIR}/kin/cpu.c" PROPERTIES COMPILE_OPTIONS "${KIN_LEVEL_LEAST}")
target_include_directories(kin_library INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>" "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
# Archives as files, in the order of the layers: as targets they would bring the shared OpenBLAS.
set(parts kin_report kin_job kin_compare kin_ann kin_exact kin_scan kin_core)
add_dependencies(kin_library ${parts})
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_FILE:\\1>")
target_link_libraries(kin_library PRIVATE $<BUILD_INTERFACE:kin_flags> $<BUILD_INTERFACE:OpenMP::OpenMP_C>
  ${parts} ${kin_faiss} ${kin_openblas} ${kin_gfortran} ${kin_quadmath} ${kin_stdcxx} ${kin_jansson} ${kin_xxhash} ${kin_zlib} m)
target_link_options(kin_library PRIVATE "LINKER:--version-script=${CMAKE_SOURCE_DIR}/kin/libkin.map" LINKER:--gc-sections
  LINKER:--wrap=getenv LINKER:--wrap=secure_getenv LINKER:--wrap=setenv LINKER:--wrap=unsetenv)
