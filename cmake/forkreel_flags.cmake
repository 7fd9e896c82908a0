# Compiler flags, in one interface target that every room links.
add_library(forkreel_flags INTERFACE)
target_compile_definitions(forkreel_flags INTERFACE _GNU_SOURCE)
target_compile_options(forkreel_flags INTERFACE -Wall -Wextra -fno-math-errno
                       -fno-trapping-math)
if(FORKREEL_NATIVE)
  target_compile_options(forkreel_flags INTERFACE -march=native)
endif()
if(FORKREEL_STRICT)
  target_compile_options(forkreel_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wformat=2 -Werror>)
endif()
if(FORKREEL_SANITIZE)
  target_compile_options(forkreel_flags INTERFACE -fsanitize=${FORKREEL_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(forkreel_flags INTERFACE -fsanitize=${FORKREEL_SANITIZE})
endif()
if(FORKREEL_FUZZ)
  target_compile_options(forkreel_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
