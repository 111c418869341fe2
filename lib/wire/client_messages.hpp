// Everything that commands and the controller say to each other.
#pragma once

#include "wire/cluster_messages.hpp"
#include "wire/conversation.hpp"
#include "wire/job_messages.hpp"
#include "wire/plan_messages.hpp"
#include "wire/query_messages.hpp"
#include "wire/stats_messages.hpp"
#include "wire/submit_messages.hpp"
#include "wire/topology_messages.hpp"
