# What every target of ours is compiled with; sanitizers and coverage are global so that libraries agree.
add_library(sidecar_warnings INTERFACE)
target_compile_options(sidecar_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wold-style-cast)
if(SIDECAR_DEVELOPER)
  target_compile_options(sidecar_warnings INTERFACE -Werror)
endif()

if(SIDECAR_SANITIZE)
  add_compile_options(-fsanitize=${SIDECAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SIDECAR_SANITIZE})
  if(SIDECAR_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan) # Asio's fences, which this sanitizer does not model; its locks it does
  endif()
endif()
if(SIDECAR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
