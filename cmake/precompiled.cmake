# Two precompiled headers, shared by all targets: one for what we ship (optimised), one for tests
# (not optimised, with gtest). A source must still include what it uses: `make lint-headers`
# compiles without them, and the list holds no header that lib/core may not use.

set(sluice_pch_headers
    <algorithm> <array> <charconv> <compare> <cstddef> <cstdint> <cstring> <functional> <map>
    <memory> <optional> <set> <span> <string> <string_view> <tuple> <type_traits> <unordered_map>
    <utility> <variant> <vector> <fmt/core.h> <tl/expected.hpp>)

add_library(sluice_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/empty.cpp)
target_compile_options(sluice_pch PRIVATE ${SLUICE_WARNINGS})
target_precompile_headers(sluice_pch PRIVATE ${sluice_pch_headers})

add_library(sluice_test_pch OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/empty.cpp)
target_compile_options(sluice_test_pch PRIVATE ${SLUICE_WARNINGS} -O0)
target_precompile_headers(sluice_test_pch PRIVATE ${sluice_pch_headers} <gmock/gmock.h>
                                                  <gtest/gtest.h>)
