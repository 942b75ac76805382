# Warnings, sanitizers, compiler cache and linker, the same for every target of ours.
add_library(spillway_options INTERFACE)
target_compile_options(spillway_options INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 uses in std::stable_sort what it deprecates, which GCC does not tell of its own headers.
  target_compile_options(spillway_options INTERFACE -Wthread-safety -Wno-deprecated-declarations)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these of its own inlined std::string (GCC bugs 105329 and 105651); Clang and ASan watch instead.
  target_compile_options(spillway_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict> $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds>)
endif()
target_include_directories(spillway_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(SPILLWAY_FAILPOINTS)
  target_compile_definitions(spillway_options INTERFACE SPILLWAY_FAILPOINTS=1)
endif()
if(SPILLWAY_SANITIZE)
  add_compile_options(-fsanitize=${SPILLWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SPILLWAY_SANITIZE})
endif()
if(SPILLWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage feedback; the unit tests run with it too
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")
endif()

find_program(SPILLWAY_CCACHE ccache)
if(SPILLWAY_CCACHE)
  # Paths below the checkout are hashed relative to it, so that another clone of it finds the same objects. That, and
  # not a precompiled header, is what makes a warm build fast: ccache cannot share one between checkouts.
  set(spillway_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${SPILLWAY_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${spillway_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${spillway_launcher})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()
