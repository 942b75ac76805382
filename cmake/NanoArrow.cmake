# nanoarrow's C library. It is published as sources inside the Python package's sdist; the sdist is downloaded once by
# pip into the cache, checked by hash, and built here with a symbol namespace of ours.
set(NANOARROW_VERSION 0.9.0)
set(NANOARROW_SHA256 1ce15bbed8532839347faa78824c5dbd3769bff60661003e34c6fba5dd881bd3)
if(DEFINED ENV{SPILLWAY_CACHE})
  set(SPILLWAY_CACHE $ENV{SPILLWAY_CACHE})
else()
  set(SPILLWAY_CACHE $ENV{HOME}/.cache/spillway)
endif()
set(nanoarrow_root ${SPILLWAY_CACHE}/nanoarrow-${NANOARROW_VERSION})
set(nanoarrow_sdist ${nanoarrow_root}/nanoarrow-${NANOARROW_VERSION}.tar.gz)
if(NOT EXISTS ${nanoarrow_sdist})
  file(MAKE_DIRECTORY ${nanoarrow_root})
  execute_process(COMMAND python3 -m pip download --quiet --no-deps --no-binary nanoarrow
                          nanoarrow==${NANOARROW_VERSION} -d ${nanoarrow_root}
                  RESULT_VARIABLE nanoarrow_rc ERROR_VARIABLE nanoarrow_error)
  if(NOT EXISTS ${nanoarrow_sdist})
    message(FATAL_ERROR "Cannot download nanoarrow ${NANOARROW_VERSION} with pip: ${nanoarrow_error}")
  endif()
endif()
file(SHA256 ${nanoarrow_sdist} nanoarrow_actual)
if(NOT nanoarrow_actual STREQUAL NANOARROW_SHA256)
  message(FATAL_ERROR "${nanoarrow_sdist} has hash ${nanoarrow_actual}, expected ${NANOARROW_SHA256}: delete it and configure again")
endif()
if(NOT EXISTS ${nanoarrow_root}/nanoarrow-${NANOARROW_VERSION})
  file(ARCHIVE_EXTRACT INPUT ${nanoarrow_sdist} DESTINATION ${nanoarrow_root})
endif()
set(nanoarrow_project ${nanoarrow_root}/nanoarrow-${NANOARROW_VERSION}/subprojects/arrow-nanoarrow)
# Its own CMakeLists needs files that the sdist leaves out, so the four sources are built here.
set(NANOARROW_VERSION_MAJOR 0)
set(NANOARROW_VERSION_MINOR 9)
set(NANOARROW_VERSION_PATCH 0)
set(NANOARROW_NAMESPACE_DEFINE "#define NANOARROW_NAMESPACE SpillwayArrow")
configure_file(${nanoarrow_project}/src/nanoarrow/nanoarrow_config.h.in
               ${CMAKE_BINARY_DIR}/nanoarrow/nanoarrow/nanoarrow_config.h)
set(nanoarrow_common ${nanoarrow_project}/src/nanoarrow/common)
add_library(nanoarrow STATIC ${nanoarrow_common}/array.c ${nanoarrow_common}/schema.c
                             ${nanoarrow_common}/array_stream.c ${nanoarrow_common}/utils.c)
target_include_directories(nanoarrow SYSTEM PUBLIC ${nanoarrow_project}/src
                                                   ${CMAKE_BINARY_DIR}/nanoarrow)
