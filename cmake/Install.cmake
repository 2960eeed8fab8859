# What `cmake --install` puts where GNUInstallDirs says: the command, the library with its header, a
# CMake package and a pkg-config file, licence and documents. The library needs nothing that a user
# of it would have to name (cmake/Library.cmake).
set(kin_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/kin")

# The run path leads to OpenBLAS's OpenMP flavour, and to Clang's OpenMP. From the build on: else
# CMake fills up the one that it is going to change with colons, and an empty entry is the current
# folder.
set_target_properties(kin kin_library PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON BUILD_WITH_INSTALL_RPATH ON)
set_target_properties(kin_library PROPERTIES EXPORT_NAME kin)
install(TARGETS kin RUNTIME)
install(TARGETS kin_library EXPORT kin LIBRARY)
install(FILES kin/kin.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/kin")
install(EXPORT kin NAMESPACE kin:: DESTINATION "${kin_cmake_dir}" FILE kinTargets.cmake)
install(FILES LICENSE README.md CHANGELOG.md SECURITY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(kin_package "${CMAKE_CURRENT_BINARY_DIR}/package")
configure_package_config_file(cmake/kinConfig.cmake.in "${kin_package}/kinConfig.cmake" INSTALL_DESTINATION "${kin_cmake_dir}")
write_basic_package_version_file("${kin_package}/kinConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${kin_package}/kinConfig.cmake" "${kin_package}/kinConfigVersion.cmake" DESTINATION "${kin_cmake_dir}")
file(RELATIVE_PATH kin_pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" kin_pc_prefix "${kin_pc_prefix}")
configure_file(cmake/kin.pc.in "${kin_package}/kin.pc" @ONLY)
install(FILES "${kin_package}/kin.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
