# Compiler and linker settings for every target: language, warnings, sanitizers, ccache, lld.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_INSTALL_MESSAGE LAZY)
# Assertions stay on in what we ship, hence no -DNDEBUG. -g1: backtraces with lines, small files.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")
option(SLUICE_FUZZ "Build the fuzzers (needs clang)" OFF)
option(SLUICE_WERROR "Warnings are errors" ON)
if(SLUICE_FUZZ)
  set(SLUICE_WERROR OFF CACHE BOOL "" FORCE) # g++ is the judge of warnings
endif()

# --- ccache and lld: used where they are, missed by nobody -----------------------------------
find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE)
  # The sloppiness is what ccache needs to cache compilations that use a precompiled header.
  set(sloppiness pch_defines,time_macros,include_file_mtime,include_file_ctime)
  set(sluice_launcher env CCACHE_SLOPPINESS=${sloppiness} ${SLUICE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${sluice_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${sluice_launcher})
endif()
find_program(SLUICE_LLD ld.lld)
if(SLUICE_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# --- Code generation -------------------------------------------------------------------------
# One setting for libraries, executables and plugins, so that all can share one precompiled header
# and any library can go into a plugin.
add_compile_options(-fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
                    -fstack-protector-strong
                    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=") # no machine paths in binaries
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_link_options(LINKER:--gc-sections,--as-needed)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>) # ccache and precompiled headers
endif()

# --- Sanitizers ------------------------------------------------------------------------------
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(SLUICE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
else()
  # Executables carry their C++ runtime: fewer libraries to load at each start of a command.
  set(SLUICE_STATIC_RUNTIME -static-libstdc++ -static-libgcc)
endif()

# --- Warnings --------------------------------------------------------------------------------
set(SLUICE_WARNINGS
    -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla
    -Wno-missing-field-initializers # designated initialisers leave the defaults alone
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<COMPILE_LANGUAGE:CXX>:-Wsuggest-override>
    $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>)
if(SLUICE_WERROR)
  list(APPEND SLUICE_WARNINGS -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # These three come out of g++ 12's optimiser and cry wolf inside std::string and std::variant:
  # -Wrestrict is off, the others are shown and do not stop the build.
  list(APPEND SLUICE_WARNINGS -Wduplicated-cond -Wno-restrict
       -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow -Wno-error=stringop-overread
       -Wno-error=array-bounds -Wno-error=free-nonheap-object)
endif()
