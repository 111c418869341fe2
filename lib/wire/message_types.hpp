// The kinds of messages, one number each for ever. A frame (net/framer.hpp) carries the type, an
// id (which request, or which exchange) and the encoded struct. Every message struct names its type
// as `kType`.
#pragma once

#include <cstdint>

namespace sluice::wire {

enum class MessageType : std::uint16_t {
  none = 0,
  // Any conversation
  hello = 1,
  hello_reply = 2,
  error_reply = 3,
  done_reply = 4,  // success without content
  route = 5,       // first frame to an agent: where this conversation goes

  // Commands to the controller
  submit = 20,
  submit_reply = 21,
  job_action = 22,
  job_action_reply = 23,
  update_job = 24,
  update_node = 25,
  update_partition = 26,
  wait_job = 27,
  wait_job_reply = 28,
  notify_job = 29,
  query_jobs = 30,
  jobs_reply = 31,
  query_nodes = 32,
  nodes_reply = 33,
  query_partitions = 34,
  partitions_reply = 35,
  query_steps = 36,
  steps_reply = 37,
  query_config = 38,
  config_reply = 39,
  query_history = 40,
  history_reply = 41,
  query_script = 42,
  script_reply = 43,
  ping = 44,
  ping_reply = 45,
  reconfigure = 46,
  make_token = 47,
  token_reply = 48,
  query_stats = 49,
  stats_reply = 50,
  join = 51,  // a new host, with a token, on a connection without identity
  join_reply = 52,
  query_hosts = 53,
  hosts_reply = 54,
  job_notice = 55,  // to the command that owns an allocation

  // What was used (use_messages.hpp)
  query_use = 56,  // sreport
  use_reply = 57,
  edit_history = 58,  // sluice rebuild
  edit_history_reply = 59,

  // Accounts, priorities, reservations, the plan (account_messages.hpp, plan_messages.hpp)
  query_accounts = 60,
  accounts_reply = 61,
  edit_accounts = 62,
  query_priorities = 63,
  priorities_reply = 64,
  query_reservations = 65,
  reservations_reply = 66,
  edit_reservation = 67,
  edit_reservation_reply = 68,
  query_licenses = 69,
  licenses_reply = 70,
  query_plan = 71,  // sluice why
  plan_reply = 72,
  query_topology = 73,
  topology_reply = 74,
  submit_heterogeneous = 75,

  // Node daemon and controller, on channel 0 of their link
  node_hello = 80,
  node_welcome = 81,
  node_report = 82,
  launch_job = 83,
  signal_job = 84,
  terminate_job = 85,
  suspend_job = 86,
  resume_job = 87,
  job_prepared = 88,
  batch_ended = 89,
  node_released = 90,
  step_record = 91,
  report_ack = 92,
  host_list = 93,
  node_fault = 94,
  lose_node = 95,  // another node of the job is lost
  tell_job = 96,

  // Money (ledger_messages.hpp)
  load_prices = 100,
  load_prices_reply = 101,
  post_money = 102,
  posted_reply = 103,
  query_books = 104,
  books_reply = 105,
  query_entries = 106,
  entries_reply = 107,
  verify_books = 108,
  verify_books_reply = 109,
  quote_submit = 110,
  quote_reply = 111,

  // The event stream (event_messages.hpp)
  query_events = 112,
  events_reply = 113,

  // The step stream: srun, agents, stepd
  step_request = 120,
  step_granted = 121,
  launch_step = 122,
  step_started = 123,
  output = 124,
  output_ack = 125,
  input = 126,
  input_ack = 127,
  signal_step = 128,
  window_size = 129,
  fence = 130,
  fence_done = 131,
  direct = 132,
  task_exit = 133,
  step_done = 134,
  attach_step = 135,
  attach_reply = 136,
  step_abort = 137,
  stepd_hello = 138,
  step_done_ack = 139,
  query_step = 140,  // live usage (sstat), pids
  step_status = 141,
  step_progress = 142,  // an image on its way, before the tasks start
  lose_part = 143,      // a node below is lost
  step_notice = 144,

  // Images between nodes (image_messages.hpp)
  image_fetch = 150,
  image_data = 151,
  image_ack = 152,
  image_end = 153,
  image_home = 154,  // where this host keeps the caller's images
  image_home_reply = 155,
};

}  // namespace sluice::wire
