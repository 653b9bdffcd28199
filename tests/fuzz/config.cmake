sidecar_fuzz(config_fuzz SOURCES config_fuzz.cpp LINK sidecar_config)
