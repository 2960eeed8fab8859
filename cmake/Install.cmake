# What `cmake --install` puts where GNUInstallDirs says: the command, the libraries with their
# headers, a CMake package, a pkg-config file, licence and documents.
#
# Headers lie below include/kin and are included by their folder, as in "job/build.h". The libraries
# are static, so a program that links them needs what they use: the CMake package finds it again,
# the pkg-config file names it. A FAISS that ./tools/setup built lies in one user's cache: a copy of
# it is installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(kin_installed kin_report kin_job kin_compare kin_ann kin_exact kin_scan kin_core)
set(kin_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/kin")

# The run path leads to OpenBLAS's OpenMP flavour, and to Clang's OpenMP. From the build on: else
# CMake fills up the one that it is going to change with colons, and an empty entry is the current
# folder.
set_target_properties(kin PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON BUILD_WITH_INSTALL_RPATH ON)
install(TARGETS kin RUNTIME)
install(TARGETS ${kin_installed} EXPORT kin ARCHIVE INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/kin")
foreach(target ${kin_installed})
  string(REPLACE kin_ "" folder ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${folder})
  install(DIRECTORY ${folder} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/kin" FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT kin NAMESPACE kin:: DESTINATION "${kin_cmake_dir}" FILE kinTargets.cmake)

install(FILES LICENSE README.md CHANGELOG.md SECURITY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# ---- what the packages name --------------------------------------------------------------------
# FAISS: static libraries are copied, others named by their path. @kin_libdir@ is where the reader
# finds it.
if(TARGET "${FaissC_LIBRARY}") # of FAISS's own CMake package
  get_target_property(kin_faiss_c "${FaissC_LIBRARY}" LOCATION)
  get_target_property(kin_faiss_cpp "${FaissC_FAISS_LIBRARY}" LOCATION)
  set(kin_faiss "${kin_faiss_c}" "${kin_faiss_cpp}")
else()
  set(kin_faiss "${FaissC_LIBRARY}" ${FaissC_FAISS_LIBRARY})
endif()
if(FaissC_LIBRARY MATCHES "\\.a$" AND FaissC_FAISS_LIBRARY MATCHES "\\.a$")
  install(FILES ${kin_faiss} DESTINATION "${CMAKE_INSTALL_LIBDIR}/kin")
  list(TRANSFORM kin_faiss REPLACE "^.*/" "@kin_libdir@/kin/")
endif()
get_target_property(kin_faiss_options FaissC::faiss_c INTERFACE_LINK_OPTIONS)
if(NOT kin_faiss_options)
  set(kin_faiss_options "")
endif()

# The OpenMP run time by name where the compiler finds it so: GCC's lies in a folder of its version.
set(kin_openmp "-lgomp")
if(NOT CMAKE_C_COMPILER_ID STREQUAL GNU)
  list(JOIN OpenMP_C_LIBRARIES " " kin_openmp)
endif()

# ---- the packages ------------------------------------------------------------------------------
set(kin_package "${CMAKE_CURRENT_BINARY_DIR}/package")
string(REPLACE "@kin_libdir@" "\${kin_libdir}" kin_cmake_faiss "${kin_faiss}")
configure_package_config_file(cmake/kinConfig.cmake.in "${kin_package}/kinConfig.cmake"
  INSTALL_DESTINATION "${kin_cmake_dir}" PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${kin_package}/kinConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${kin_package}/kinConfig.cmake" "${kin_package}/kinConfigVersion.cmake" cmake/FindOpenBlasOmp.cmake
  DESTINATION "${kin_cmake_dir}")

list(TRANSFORM kin_installed PREPEND "-l" OUTPUT_VARIABLE kin_pc_libraries)
string(REPLACE "@kin_libdir@" "\${libdir}" kin_pc_faiss "${kin_faiss}")
list(TRANSFORM kin_faiss_options REPLACE "^LINKER:" "-Wl," OUTPUT_VARIABLE kin_pc_options)
foreach(list kin_pc_libraries kin_pc_faiss kin_pc_options)
  list(JOIN ${list} " " ${list})
endforeach()
get_filename_component(kin_blas_dir "${OpenBlasOmp_LIBRARY}" DIRECTORY)
file(RELATIVE_PATH kin_pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" kin_pc_prefix "${kin_pc_prefix}")
configure_file(cmake/kin.pc.in "${kin_package}/kin.pc" @ONLY)
install(FILES "${kin_package}/kin.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
