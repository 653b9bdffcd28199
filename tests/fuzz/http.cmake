set(http_round_trip ${PROJECT_SOURCE_DIR}/tests/http/round_trip.cpp ${PROJECT_SOURCE_DIR}/tests/http/reading.cpp
  ${support}/random_stream.cpp)
sidecar_fuzz(http_requests_fuzz SOURCES http_requests_fuzz.cpp ${http_round_trip} LINK sidecar_http)
sidecar_fuzz(http_responses_fuzz SOURCES http_responses_fuzz.cpp ${http_round_trip} LINK sidecar_http)
sidecar_fuzz(proxy_protocol_fuzz LINK sidecar_http
  SOURCES proxy_protocol_fuzz.cpp ${PROJECT_SOURCE_DIR}/tests/http/proxy_header_laws.cpp)
set(http_tests ${PROJECT_SOURCE_DIR}/tests/http)
sidecar_fuzz(h2_downstream_fuzz LINK sidecar_http nghttp2::nghttp2
  SOURCES h2_downstream_fuzz.cpp ${http_tests}/h2_laws.cpp ${http_tests}/h2_frames.cpp ${http_tests}/reading.cpp
          ${support}/random_stream.cpp)
