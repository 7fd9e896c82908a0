# forkreel_room(NAME [ROOMS room...] [LIBRARIES target...])
#
# A room is an object library of every .c file in src/NAME, and of every .cpp file, where the
# exceptions of a library must be caught. It sees its own folder,
# include/, and the folders of the rooms it names (src/ROOMS), nothing else.
function(forkreel_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c
       ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(room_${name} OBJECT ${sources})
  target_include_directories(room_${name} PRIVATE ${CMAKE_SOURCE_DIR}/include
                             ${CMAKE_SOURCE_DIR}/src/${name})
  foreach(room IN LISTS ROOM_ROOMS)
    target_include_directories(room_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/${room})
  endforeach()
  target_link_libraries(room_${name} PRIVATE forkreel_flags ${ROOM_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY FORKREEL_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY FORKREEL_ROOM_LIBRARIES ${ROOM_LIBRARIES})
endfunction()
