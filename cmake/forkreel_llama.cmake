# forkreel_llama: the llama.cpp that scripts/setup built, as one target to link.
# FORKREEL_LLAMA is the prefix that `scripts/setup --print-llama` names.
add_library(forkreel_llama INTERFACE IMPORTED GLOBAL)
set(FORKREEL_LLAMA_LIBRARIES "")
foreach(name IN ITEMS llama ggml ggml-blas ggml-cpu ggml-base)
  set(file ${FORKREEL_LLAMA}/lib/lib${name}.a)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "FORKREEL_LLAMA: no ${file}; run scripts/setup build")
  endif()
  list(APPEND FORKREEL_LLAMA_LIBRARIES ${file})
endforeach()
set_target_properties(forkreel_llama PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${FORKREEL_LLAMA}/include)
# A C program links it, so the C++ run-time is named here.
target_link_libraries(forkreel_llama INTERFACE ${FORKREEL_LLAMA_LIBRARIES} PkgConfig::OPENBLAS
                      stdc++ Threads::Threads ${CMAKE_DL_LIBS} m)
