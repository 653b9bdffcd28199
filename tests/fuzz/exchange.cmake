set(sim ${PROJECT_SOURCE_DIR}/tests/sim)
sidecar_fuzz(exchange_fuzz LINK sidecar_exchange
  SOURCES exchange_fuzz.cpp ${sim}/shell.cpp ${sim}/wire_reader.cpp ${support}/whatwg_parser.cpp)
