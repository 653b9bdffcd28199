# Which branches are taken, and what is called how often, only a run can tell. The preset `train` builds a program that
# notes it, benchmarks/train.sh runs that one, and the preset `trained` builds with the notes (./dev build --trained).
set(SIDECAR_TRAINING_OPTIONS "")
if(SIDECAR_TRAINING)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "SIDECAR_TRAINING needs GCC")
  endif()
  set(SIDECAR_TRAINING_NOTES ${PROJECT_SOURCE_DIR}/build/train/notes)
  # Under names that do not depend on the build folder.
  file(REAL_PATH ${PROJECT_BINARY_DIR} SIDECAR_TRAINING_PREFIX)
  set(SIDECAR_TRAINING_OPTIONS -fprofile-prefix-path=${SIDECAR_TRAINING_PREFIX})
  if(SIDECAR_TRAINING STREQUAL "record")
    list(APPEND SIDECAR_TRAINING_OPTIONS -fprofile-generate=${SIDECAR_TRAINING_NOTES} -fprofile-update=atomic)
  elseif(NOT SIDECAR_TRAINING STREQUAL "use")
    message(FATAL_ERROR "SIDECAR_TRAINING is 'record' or 'use', not '${SIDECAR_TRAINING}'")
  elseif(NOT EXISTS ${SIDECAR_TRAINING_NOTES}/complete)
    message(FATAL_ERROR "There are no notes in ${SIDECAR_TRAINING_NOTES}: run benchmarks/train.sh")
  else()
    # What was never run is optimized as ever, not for size.
    list(APPEND SIDECAR_TRAINING_OPTIONS -fprofile-use=${SIDECAR_TRAINING_NOTES} -fprofile-partial-training
      -Wno-missing-profile)
  endif()
endif()
