# How folders become targets. Every list of sources is a glob that ninja checks again before each
# build, so a new file needs no edit here; a folder without sources is fine too.

set(SLUICE_BIN_DIR ${PROJECT_BINARY_DIR}/bin)
set(SLUICE_PLUGIN_DIR ${PROJECT_BINARY_DIR}/plugins)

function(sluice_target_defaults target)
  target_compile_options(${target} PRIVATE ${SLUICE_WARNINGS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR})
endfunction()

# Takes the files below FOLDER out of the list VARIABLE.
function(sluice_without variable folder)
  set(kept)
  foreach(file ${${variable}})
    cmake_path(IS_PREFIX folder ${file} below)
    if(NOT below)
      list(APPEND kept ${file})
    endif()
  endforeach()
  set(${variable} ${kept} PARENT_SCOPE)
endfunction()

# Sets VARIABLE to the current folder's *.cpp and those of its folders that are not built apart.
function(sluice_sources variable)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp
       ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cpp)
  file(GLOB apart CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(file ${apart})
    cmake_path(GET file PARENT_PATH path)
    sluice_without(sources ${path})
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# sluice_library(name DEPS sluice_x... LIBS dep_x... [SOURCES file...])
# A static library of the folder's *.cpp and those of its folders (one level, as base/log; a folder
# with its own CMakeLists.txt is a library of its own). DEPS are visible to its users; LIBS (third
# parties) only link. Without a source yet it is an interface.
function(sluice_library name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS;SOURCES" ${ARGN})
  if(NOT arg_SOURCES)
    sluice_sources(arg_SOURCES)
  endif()
  if(NOT arg_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${arg_DEPS} ${arg_LIBS})
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR}/lib)
    return()
  endif()
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_LIBS})
  sluice_target_defaults(${name})
  set_target_properties(${name} PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
  target_precompile_headers(${name} REUSE_FROM sluice_pch)
endfunction()

# sluice_executable(name SOURCES file... DEPS sluice_x... LIBS dep_x...)  ->  build/bin/name
function(sluice_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  # Commands are named as Slurm's (`bin/srun`); target names are the same.
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} ${arg_LIBS})
  target_link_options(${name} PRIVATE ${SLUICE_STATIC_RUNTIME})
  sluice_target_defaults(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SLUICE_BIN_DIR})
  target_precompile_headers(${name} REUSE_FROM sluice_pch)
  set_property(GLOBAL APPEND PROPERTY SLUICE_PROGRAMS ${name})
endfunction()

# sluice_plugin(name SOURCES file... DEPS sluice_x... LIBS dep_x...)  ->  build/plugins/name.so
# Exports only what the source marks with default visibility.
function(sluice_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} ${arg_LIBS})
  target_link_options(${name} PRIVATE ${SLUICE_STATIC_RUNTIME} LINKER:--exclude-libs,ALL)
  sluice_target_defaults(${name})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${SLUICE_PLUGIN_DIR})
  target_precompile_headers(${name} REUSE_FROM sluice_pch)
  set_property(GLOBAL APPEND PROPERTY SLUICE_PLUGINS ${name})
endfunction()

# sluice_daemon(folder program DEPS .. SERVICE_DEPS .. LIBS ..)
# daemon/<folder>: service/*.cpp is the part without I/O (tests and the simulation link it), the
# other sources, one level deep, bind it to the real world; main.cpp is the program. A folder with
# its own CMakeLists.txt (worker/host) is left to that.
function(sluice_daemon folder program)
  cmake_parse_arguments(arg "" "" "DEPS;SERVICE_DEPS;LIBS" ${ARGN})
  file(GLOB service CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/service/*.cpp)
  sluice_sources(real)
  sluice_without(real ${CMAKE_CURRENT_SOURCE_DIR}/service)
  file(GLOB main CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
  list(REMOVE_ITEM real ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
  sluice_part(sluice_${folder}_service SOURCES ${service} DEPS ${arg_SERVICE_DEPS})
  sluice_part(sluice_${folder} SOURCES ${real} DEPS sluice_${folder}_service ${arg_DEPS}
              LIBS ${arg_LIBS})
  if(main)
    sluice_executable(${program} SOURCES ${main} DEPS sluice_${folder})
  endif()
endfunction()

# A library of exactly these sources, or an interface when there are none.
function(sluice_part name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  if(arg_SOURCES)
    sluice_library(${name} SOURCES ${arg_SOURCES} DEPS ${arg_DEPS} LIBS ${arg_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${arg_DEPS} ${arg_LIBS})
  endif()
endfunction()
