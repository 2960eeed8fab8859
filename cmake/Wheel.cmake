# What the Python package holds beside its modules: library and command, in the component `wheel`.
# Included where scikit-build-core builds (python/pyproject.toml). A wheel has no links, so the
# library's file is its soname.
set_target_properties(kin_library PROPERTIES VERSION 0 INSTALL_RPATH "" INSTALL_RPATH_USE_LINK_PATH OFF)
install(TARGETS kin_library LIBRARY DESTINATION kin/_lib COMPONENT wheel NAMELINK_SKIP)
install(TARGETS kin RUNTIME DESTINATION kin/_bin COMPONENT wheel)
