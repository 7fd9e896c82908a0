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
add_library(forkreel_llama INTERFACE IMPORTED GLOBAL)
set(FORKREEL_LLAMA_LIBRARIES "")
foreach(name IN ITEMS llama ggml ggml-blas ggml-cpu ggml-base)
  set(file ${FORKREEL_LLAMA}/lib/lib${name}.a)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "no ${file}; run scripts/setup build")
  endif()
  list(APPEND FORKREEL_LLAMA_LIBRARIES ${file})
endforeach()
set_target_properties(forkreel_llama PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${FORKREEL_LLAMA}/include)
# A C program links it, so the C++ run-time is named here.
target_link_libraries(forkreel_llama INTERFACE ${FORKREEL_LLAMA_LIBRARIES} PkgConfig::OPENBLAS
                      stdc++ Threads::Threads ${CMAKE_DL_LIBS} m)
