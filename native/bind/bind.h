// The parts that module.cpp puts together.
#pragma once

#include <nanobind/nanobind.h>

void def_layers(nanobind::module_& module);    // layers.cpp
void def_measures(nanobind::module_& module);  // measures.cpp
