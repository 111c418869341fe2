# How test folders become programs in build/test, and entries of ctest (one per program).

set(SLUICE_TEST_DIR ${PROJECT_BINARY_DIR}/test)
add_custom_target(sluice_tests)
add_custom_target(sluice_fuzzers)

# sluice_test_program(name SOURCES file... DEPS .. LIBS .. [OPTIMIZE])  ->  build/test/name
# Not registered with ctest. Compiled fast (-O0) unless OPTIMIZE, which also leaves out gtest.
function(sluice_test_program name)
  cmake_parse_arguments(arg "OPTIMIZE" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
  sluice_target_defaults(${name})
  if(arg_OPTIMIZE)
    target_precompile_headers(${name} REUSE_FROM sluice_pch)
  else()
    target_compile_options(${name} PRIVATE -O0)
    target_precompile_headers(${name} REUSE_FROM sluice_test_pch)
    target_link_libraries(${name} PRIVATE gmock gtest gtest_main)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_DEPS} ${arg_LIBS} rapidcheck pthread)
  target_link_options(${name} PRIVATE ${SLUICE_STATIC_RUNTIME})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SLUICE_TEST_DIR})
  add_dependencies(sluice_tests ${name})
endfunction()

# sluice_test(name SOURCES .. DEPS .. LIBS .. [TIMEOUT seconds] [SERIAL])
# A gtest program and its entry in ctest. SERIAL: nothing else may run beside it.
function(sluice_test name)
  cmake_parse_arguments(arg "SERIAL" "TIMEOUT" "SOURCES;DEPS;LIBS" ${ARGN})
  sluice_test_program(${name} SOURCES ${arg_SOURCES} DEPS ${arg_DEPS} LIBS ${arg_LIBS})
  sluice_add_test(${name} "${arg_TIMEOUT}" "${arg_SERIAL}" COMMAND ${name})
endfunction()

# sluice_script_test(name COMMAND program arg... [TIMEOUT seconds] [SERIAL])
# Any program or script as a test; SLUICE_BUILD names the build directory for it.
function(sluice_script_test name)
  cmake_parse_arguments(arg "SERIAL" "TIMEOUT" "COMMAND" ${ARGN})
  sluice_add_test(${name} "${arg_TIMEOUT}" "${arg_SERIAL}" COMMAND ${arg_COMMAND})
endfunction()

function(sluice_add_test name timeout serial)
  cmake_parse_arguments(arg "" "" "COMMAND" ${ARGN})
  if(NOT timeout)
    set(timeout 120)
  endif()
  if(NOT serial)
    set(serial FALSE)
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} RUN_SERIAL ${serial}
                       ENVIRONMENT SLUICE_BUILD=${PROJECT_BINARY_DIR})
endfunction()

# sluice_unit_tests(folder DEPS .. LIBS ..)
# test/unit/<folder>/*_test.cpp -> build/test/unit_<folder>, one entry of ctest. Other sources of
# the folder are helpers of its tests.
function(sluice_unit_tests folder)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/unit/${folder}/*_test.cpp)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/unit/${folder}/*.cpp)
  if(tests)
    sluice_test(unit_${folder} SOURCES ${sources} DEPS ${arg_DEPS} LIBS ${arg_LIBS})
  endif()
endfunction()

# sluice_fuzzer(name SOURCES file DEPS ..): with the preset fuzz build/test/fuzz_<name>; otherwise a
# test fuzz_<name> that replays the corpus test/fuzz/corpus/<name> and bent copies of it.
function(sluice_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  if(SLUICE_FUZZ)
    add_executable(fuzz_${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
    sluice_target_defaults(fuzz_${name})
    target_link_libraries(fuzz_${name} PRIVATE ${arg_DEPS} ${arg_LIBS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SLUICE_TEST_DIR})
    add_dependencies(sluice_fuzzers fuzz_${name})
  else()
    sluice_test_program(fuzz_${name} OPTIMIZE DEPS ${arg_DEPS} LIBS ${arg_LIBS}
                        SOURCES ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/test/fuzz/replay.cpp)
    sluice_script_test(fuzz_${name}
                       COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/test/fuzz/corpus/${name})
  endif()
endfunction()
