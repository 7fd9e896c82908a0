# forkreel_llama: the llama.cpp that scripts/setup built, as one target to link.
# Where it is depends on the processor and on the pinned version, so setup is asked each time.
foreach(part IN ITEMS CACHE LLAMA)
  if(NOT FORKREEL_${part})
    string(TOLOWER ${part} word)
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/setup --print-${word}
                    OUTPUT_VARIABLE FORKREEL_${part} OUTPUT_STRIP_TRAILING_WHITESPACE
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()

# Each archive is a target, so that what it needs comes after it on every linker's line.
# forkreel_llama_library(NAME [what it links...])
function(forkreel_llama_library name)
  set(file ${FORKREEL_LLAMA}/lib/lib${name}.a)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "no ${file}; run scripts/setup build")
  endif()
  add_library(forkreel_${name} STATIC IMPORTED GLOBAL)
  set_target_properties(forkreel_${name} PROPERTIES IMPORTED_LOCATION ${file}
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX
    INTERFACE_INCLUDE_DIRECTORIES ${FORKREEL_LLAMA}/include)
  target_link_libraries(forkreel_${name} INTERFACE ${ARGN} Threads::Threads ${CMAKE_DL_LIBS} m)
  set(FORKREEL_LLAMA_LIBRARIES ${FORKREEL_LLAMA_LIBRARIES} ${file} PARENT_SCOPE)
endfunction()

set(FORKREEL_LLAMA_LIBRARIES "")
forkreel_llama_library(llama forkreel_ggml)
forkreel_llama_library(ggml forkreel_ggml-blas forkreel_ggml-cpu)
forkreel_llama_library(ggml-blas forkreel_ggml-base PkgConfig::OPENBLAS)
forkreel_llama_library(ggml-cpu forkreel_ggml-base)
forkreel_llama_library(ggml-base)
