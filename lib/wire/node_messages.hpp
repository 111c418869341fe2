// Everything that the controller and a node's daemon say to each other.
#pragma once

#include "wire/order_messages.hpp"
#include "wire/report_messages.hpp"
