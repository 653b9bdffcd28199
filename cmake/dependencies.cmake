# Debian 12 packages through find_package; llhttp's C sources come with node-llhttp there.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)

set(SIDECAR_YAML yaml-cpp) # what 0.7 exports
if(TARGET yaml-cpp::yaml-cpp)
  set(SIDECAR_YAML yaml-cpp::yaml-cpp)
endif()

# All C++ libraries or none: a shared one brings the shared standard library along. OpenSSL and nghttp2, which are C, stay
# the system's, and get its updates.
if(SIDECAR_STATIC_CXX)
  find_package(fmt REQUIRED)
  # Even without a library of its own, Debian's spdlog names the shared one of fmt.
  set_target_properties(spdlog::spdlog_header_only PROPERTIES
    INTERFACE_LINK_LIBRARIES "Threads::Threads;fmt::fmt-header-only")
  add_library(spdlog::chosen ALIAS spdlog::spdlog_header_only)
  get_target_property(SIDECAR_YAML_LIBRARY ${SIDECAR_YAML} LOCATION)
  cmake_path(GET SIDECAR_YAML_LIBRARY PARENT_PATH SIDECAR_YAML_FOLDER)
  set(SIDECAR_YAML_ARCHIVE ${SIDECAR_YAML_FOLDER}/libyaml-cpp.a)
  if(NOT EXISTS ${SIDECAR_YAML_ARCHIVE})
    message(FATAL_ERROR "There is no ${SIDECAR_YAML_ARCHIVE}: -DSIDECAR_STATIC_CXX=OFF takes the shared libraries")
  endif()
  add_library(yaml-cpp::chosen INTERFACE IMPORTED)
  target_include_directories(yaml-cpp::chosen INTERFACE $<TARGET_PROPERTY:${SIDECAR_YAML},INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(yaml-cpp::chosen INTERFACE ${SIDECAR_YAML_ARCHIVE})
else()
  add_library(spdlog::chosen ALIAS spdlog::spdlog)
  add_library(yaml-cpp::chosen ALIAS ${SIDECAR_YAML})
endif()

set(LLHTTP_SOURCE_DIR "" CACHE PATH "Folder with llhttp.c, api.c, http.c (and llhttp.h there or in include/)")
if(NOT TARGET llhttp::llhttp)
  find_path(LLHTTP_SOURCES llhttp.c HINTS ${LLHTTP_SOURCE_DIR} ${LLHTTP_SOURCE_DIR}/src PATHS /usr/share/llhttp NO_DEFAULT_PATH)
  find_path(LLHTTP_INCLUDE llhttp.h HINTS ${LLHTTP_SOURCE_DIR} ${LLHTTP_SOURCE_DIR}/include
    PATHS /usr/share/include/llhttp /usr/include)
  if(LLHTTP_SOURCES AND LLHTTP_INCLUDE)
    add_library(sidecar_llhttp STATIC ${LLHTTP_SOURCES}/llhttp.c ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c)
    target_include_directories(sidecar_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
    target_compile_options(sidecar_llhttp PRIVATE ${SIDECAR_TRAINING_OPTIONS})
    add_library(llhttp::llhttp ALIAS sidecar_llhttp)
  else()
    find_library(LLHTTP_LIBRARY llhttp REQUIRED)
    add_library(llhttp::llhttp INTERFACE IMPORTED)
    target_link_libraries(llhttp::llhttp INTERFACE ${LLHTTP_LIBRARY})
  endif()
endif()

# Without the option below a client could send CONTINUATION frames without end (CVE-2024-28182): Debian 12 has it since
# 1.52.0-1+deb12u2, other systems since 1.61.
if(NOT TARGET nghttp2::nghttp2)
  find_path(NGHTTP2_INCLUDE nghttp2/nghttp2.h REQUIRED)
  find_library(NGHTTP2_LIBRARY nghttp2 REQUIRED)
  file(STRINGS ${NGHTTP2_INCLUDE}/nghttp2/nghttp2.h NGHTTP2_IS_RECENT REGEX nghttp2_option_set_max_continuations)
  if(NOT NGHTTP2_IS_RECENT)
    message(FATAL_ERROR "This libnghttp2 has known holes: 1.61 is needed, or 1.52.0-1+deb12u2 of Debian 12")
  endif()
  add_library(nghttp2::nghttp2 INTERFACE IMPORTED)
  target_include_directories(nghttp2::nghttp2 INTERFACE ${NGHTTP2_INCLUDE})
  target_link_libraries(nghttp2::nghttp2 INTERFACE ${NGHTTP2_LIBRARY})
endif()
