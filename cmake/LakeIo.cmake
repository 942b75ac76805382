# lakeio, the Rust cdylib: built by cargo into a target directory that outlives the checkout.
if(DEFINED ENV{CARGO_TARGET_DIR})
  set(LAKEIO_TARGET_DIR $ENV{CARGO_TARGET_DIR})
else()
  set(LAKEIO_TARGET_DIR ${SPILLWAY_CACHE}/cargo)
endif()
set(LAKEIO_LIBRARY ${CMAKE_BINARY_DIR}/lib/liblakeio.so)
file(GLOB_RECURSE LAKEIO_SOURCES CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/lakeio/*.rs ${CMAKE_SOURCE_DIR}/lakeio/*/Cargo.toml)
add_custom_command(
  OUTPUT ${LAKEIO_LIBRARY}
  COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${LAKEIO_TARGET_DIR}
          cargo build --release --locked --workspace --manifest-path ${CMAKE_SOURCE_DIR}/lakeio/Cargo.toml
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${LAKEIO_TARGET_DIR}/release/liblakeio.so ${LAKEIO_LIBRARY}
  COMMAND ${CMAKE_COMMAND} -E touch ${LAKEIO_LIBRARY}
  DEPENDS ${LAKEIO_SOURCES} ${CMAKE_SOURCE_DIR}/lakeio/Cargo.toml ${CMAKE_SOURCE_DIR}/lakeio/Cargo.lock
  COMMENT "Building lakeio (Rust)"
  USES_TERMINAL VERBATIM)
add_custom_target(lakeio_build DEPENDS ${LAKEIO_LIBRARY})
add_library(lakeio SHARED IMPORTED GLOBAL)
set_target_properties(lakeio PROPERTIES
  IMPORTED_LOCATION ${LAKEIO_LIBRARY}
  IMPORTED_NO_SONAME ON
  INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/lakeio/include)
add_dependencies(lakeio lakeio_build)
