# The third-party libraries, each behind one name `dep_*`. Static where Debian ships an archive and
# the library is small: a shared C++ library would bring a second C++ runtime into every process.

set(THREADS_PREFER_PTHREAD_FLAG OFF)

# dep_library(name NAMES file... [INCLUDE dir...] [LIBS more...])
function(dep_library name)
  cmake_parse_arguments(arg "" "" "NAMES;INCLUDE;LIBS" ${ARGN})
  find_library(SLUICE_${name} NAMES ${arg_NAMES} REQUIRED)
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${SLUICE_${name}} ${arg_LIBS})
  if(arg_INCLUDE)
    target_include_directories(${name} SYSTEM INTERFACE ${arg_INCLUDE})
  endif()
endfunction()

dep_library(dep_uv NAMES libuv_a.a uv LIBS pthread rt ${CMAKE_DL_LIBS})
dep_library(dep_yaml NAMES libyaml-cpp.a yaml-cpp)
dep_library(dep_protobuf NAMES libprotobuf-lite.a protobuf-lite LIBS pthread)
dep_library(dep_sqlite NAMES sqlite3)
dep_library(dep_crypto NAMES crypto)
dep_library(dep_ssl NAMES ssl LIBS dep_crypto)
dep_library(dep_archive NAMES archive)
dep_library(dep_lzma NAMES lzma)
dep_library(dep_hwloc NAMES hwloc)
dep_library(dep_cgroup NAMES cgroup)
dep_library(dep_curl NAMES curl)
dep_library(dep_rabbitmq NAMES rabbitmq)
dep_library(dep_lua NAMES lua5.4 INCLUDE /usr/include/lua5.4)

find_package(PkgConfig REQUIRED)
pkg_check_modules(pmix REQUIRED QUIET pmix)
add_library(dep_pmix INTERFACE)
target_include_directories(dep_pmix SYSTEM INTERFACE ${pmix_INCLUDE_DIRS})
target_link_libraries(dep_pmix INTERFACE ${pmix_LDFLAGS})

# Debian has fmt and spdlog as shared C++ libraries and as headers; we compile the headers' bodies
# once into archives of our own.
add_library(dep_fmt STATIC ${PROJECT_SOURCE_DIR}/cmake/fmt_static.cpp)
add_library(dep_spdlog STATIC ${PROJECT_SOURCE_DIR}/cmake/spdlog_static.cpp)
target_compile_definitions(dep_spdlog PUBLIC SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_libraries(dep_spdlog PUBLIC dep_fmt pthread)
