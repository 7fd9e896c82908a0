# cmake --install: the program, the library with its headers, pkg-config, manual, completions.
# What is installed may be moved as a whole: nothing in it names the prefix.
#
# llama.cpp lives in a cache that may be emptied, so its archives are installed beside ours, in a
# folder of their own where they get in nobody's way.
install(TARGETS forkreel ARCHIVE)
install(DIRECTORY include/forkreel TYPE INCLUDE)
if(TARGET forkreel_program)
  install(TARGETS forkreel_program RUNTIME)
endif()

install(FILES ${FORKREEL_LLAMA_LIBRARIES} DESTINATION ${CMAKE_INSTALL_LIBDIR}/forkreel)
install(FILES ${FORKREEL_LLAMA}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
        RENAME LICENSE.llama.cpp)

set(libs "-L\${libdir}/forkreel")
foreach(file IN LISTS FORKREEL_LLAMA_LIBRARIES)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  list(APPEND libs ${name})
endforeach()
list(APPEND libs ${ARCHIVE_LDFLAGS} ${JANSSON_LDFLAGS} ${XML_LDFLAGS} ${SQLITE_LDFLAGS}
     ${ICU_LDFLAGS} ${CURL_LDFLAGS}
     ${SODIUM_LDFLAGS} -lstemmer ${CAIRO_LDFLAGS} -llapacke ${OPENBLAS_LDFLAGS} -lstdc++ -ldl -lpthread -lm)
if(FORKREEL_MPI)
  list(APPEND libs ${MPI_C_LIBRARIES})
endif()
foreach(folder IN LISTS CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
  list(REMOVE_ITEM libs -L${folder})
endforeach()
list(JOIN libs " " FORKREEL_PC_LIBS)
file(RELATIVE_PATH FORKREEL_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" FORKREEL_PC_UP ${FORKREEL_PC_UP})
configure_file(cmake/forkreel.pc.in forkreel.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/forkreel.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES man/forkreel.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES scripts/completions/forkreel.bash RENAME forkreel OPTIONAL
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES scripts/completions/_forkreel OPTIONAL
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES LICENSE README.md README.zh-CN.md CHANGELOG.md OPTIONAL TYPE DOC)
install(DIRECTORY docs/examples TYPE DOC)
install(FILES docs/catalogue.md docs/events.md docs/stories.md docs/story.schema.json TYPE DOC)
# The program finds it beside itself: cli_data_folder in cli_story.c.
install(DIRECTORY data/catalogue DESTINATION ${CMAKE_INSTALL_DATADIR}/forkreel)

# An outsider's program, built against what was installed.
if(FORKREEL_TESTS AND TARGET forkreel_program)
  set(flags "")
  if(FORKREEL_SANITIZE)
    set(flags -fsanitize=${FORKREEL_SANITIZE})
  endif()
  add_test(NAME install/example COMMAND ${CMAKE_SOURCE_DIR}/scripts/test-install
           ${CMAKE_COMMAND} ${CMAKE_BINARY_DIR} ${CMAKE_C_COMPILER} ${flags})
  set_tests_properties(install/example PROPERTIES LABELS install TIMEOUT 300)
endif()
