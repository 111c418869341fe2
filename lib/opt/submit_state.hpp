// What the setters of sbatch, srun and salloc write to while a line is read, and the small generic
// setters that most rows use. submit_finish.cpp turns it into the options that programs see.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "opt/job_options.hpp"
#include "opt/row.hpp"

namespace sluice::opt {

// Options that exclude each other: the stronger source wins, the same source is an error.
struct Choice {
  Source source = Source::none;
  std::string_view option;
};

// What was said of a container, and by which options.
struct ContainerAsked {
  model::ContainerSpec spec;
  Choice image;
  Choice bundle;
  Choice name;
  Choice id;      // where it was typed
  Choice detail;  // the first of the others that was typed
  Choice mount_home;
  Choice remap_root;
  Choice entrypoint;
  Choice writable;
  Source mounts = Source::none;
};

struct SubmitState {
  Command command = Command::sbatch;
  const Invocation* in = nullptr;
  JobOptions job;
  model::StepSpec step;  // what only steps have; the rest is copied from job.request at the end
  SbatchOptions sbatch;  // without .job
  SallocOptions salloc;
  SrunOptions srun;  // without .job and .step

  using Choice = opt::Choice;
  Choice memory;
  Choice nodes;
  Choice tasks;

  // The pieces of request.gres; the names are the options'.
  std::vector<model::GresRequest> gres;
  Choice gres_choice;
  std::vector<model::GresRequest> gpus;
  Choice gpus_choice;
  std::vector<model::GresRequest> gpus_per_node;
  Choice gpus_per_node_choice;
  std::vector<model::GresRequest> gpus_per_socket;
  Choice gpus_per_socket_choice;
  std::vector<model::GresRequest> gpus_per_task;
  Choice gpus_per_task_choice;

  ContainerAsked container;
  std::optional<std::string> wrap;
  std::string nodefile;
  bool name_given = false;
  bool exclusive_step = false;  // srun --exclusive
  std::string input_mode;       // srun -i as typed
};

// A file that the user named, by the program's reader.
[[nodiscard]] inline Result<std::string> read_named(const SubmitState& s, const std::string& path) {
  if (s.in->read_file) return s.in->read_file(path);
  return fail(ErrorCode::io, "Unable to open file " + path);
}

// What went wrong with a file, without its name: "No such file or directory".
[[nodiscard]] inline std::string reason_of(const Error& error, const std::string& path) {
  return error.text.starts_with(path + ": ") ? error.text.substr(path.size() + 2) : error.text;
}

// --- complaints ---------------------------------------------------------------------------------

inline tl::unexpected<Complaint> complain(std::string text, int exit_code = 255) {
  return tl::unexpected<Complaint>(Complaint{std::move(text), exit_code});
}
inline tl::unexpected<Complaint> bad_value(const Given& use) {
  return complain(fmt::format("Invalid --{} specification", use.row->name));
}
inline tl::unexpected<Complaint> bad_number(const Given& use) {
  return complain(fmt::format("Invalid numeric value \"{}\" for --{}.", use.value, use.row->name),
                  1);
}
// The words of an option's value: its own if the error has any, else "Invalid --x specification".
inline tl::unexpected<Complaint> bad_value(const Given& use, const Error& error) {
  return error.text.empty() ? bad_value(use) : complain(error.text, 1);
}
// What the controller would answer: "Batch job submission failed: Invalid ...".
[[nodiscard]] tl::unexpected<Complaint> submit_failure(Command command, const Error& error);
[[nodiscard]] inline tl::unexpected<Complaint> unsupported(const Given& use, std::string_view why) {
  return complain(
      fmt::format("--{}={} is not supported by Sluice: {}", use.row->name, use.value, why), 1);
}

// --- generic setters ----------------------------------------------------------------------------
// `Member` is a pointer to a member of JobSpec, Request, StepSpec or one of the option structs.

namespace detail {
inline model::JobSpec& part(SubmitState& s, const model::JobSpec*) { return s.job.spec; }
inline model::Request& part(SubmitState& s, const model::Request*) { return s.job.request; }
inline model::StepSpec& part(SubmitState& s, const model::StepSpec*) { return s.step; }
inline JobOptions& part(SubmitState& s, const JobOptions*) { return s.job; }
inline SbatchOptions& part(SubmitState& s, const SbatchOptions*) { return s.sbatch; }
inline SallocOptions& part(SubmitState& s, const SallocOptions*) { return s.salloc; }
inline SrunOptions& part(SubmitState& s, const SrunOptions*) { return s.srun; }

template <class Class, class Type>
Class* class_of(Type Class::*) {
  return nullptr;
}

template <auto Member>
auto& target(SubmitState& s) {
  return part(s, class_of(Member)).*Member;
}
}  // namespace detail

template <auto Member>
Outcome text_to(SubmitState& s, const Given& use) {
  detail::target<Member>(s) = use.value;
  return {};
}

template <auto Member>
Outcome on(SubmitState& s, const Given&) {
  detail::target<Member>(s) = true;
  return {};
}

template <auto Member>
Outcome off(SubmitState& s, const Given&) {
  detail::target<Member>(s) = false;
  return {};
}

// A number above zero.
template <auto Member>
Outcome count_to(SubmitState& s, const Given& use) {
  const auto number = base::parse_u32(use.value, model::kUnlimited - 2);
  if (!number || *number == 0) return bad_number(use);
  detail::target<Member>(s) = *number;
  return {};
}

// A number, zero included.
template <auto Member>
Outcome number_to(SubmitState& s, const Given& use) {
  const auto number = base::parse_u32(use.value, model::kUnlimited - 2);
  if (!number) return bad_number(use);
  detail::target<Member>(s) = *number;
  return {};
}

// --- tables -------------------------------------------------------------------------------------

using SubmitRow = Row<SubmitState>;
[[nodiscard]] std::span<const SubmitRow> job_rows();        // rows_job.cpp
[[nodiscard]] std::span<const SubmitRow> run_rows();        // rows_run.cpp
[[nodiscard]] std::span<const SubmitRow> resource_rows();   // rows_resources.cpp
[[nodiscard]] std::span<const SubmitRow> layout_rows();     // rows_layout.cpp
[[nodiscard]] std::span<const SubmitRow> step_rows();       // rows_step.cpp
[[nodiscard]] std::span<const SubmitRow> container_rows();  // rows_container.cpp
[[nodiscard]] std::span<const SubmitRow> refused_rows();    // rows_refused.cpp
[[nodiscard]] std::array<std::span<const SubmitRow>, 7> submit_tables();

}  // namespace sluice::opt
