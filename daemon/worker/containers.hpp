// Containers: what this host has to run steps in containers, as stepd is told it for each step; and
// what is done for users' images outside of steps: making their folders, reading an image for
// another node, removing what a job kept for itself, and keeping the stores small. Everything that
// touches an image is an errand run as the user.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/worker/agent_config.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "daemon/worker/host/container_runtime.hpp"
#include "daemon/worker/host/container_settings.hpp"
#include "daemon/worker/image_homes.hpp"
#include "daemon/worker/service/env.hpp"
#include "daemon/worker/user_errand.hpp"
#include "net/loop.hpp"

namespace sluice::worker {

class Containers {
 public:
  struct Handlers {
    // As Env::read_image() promises. No bytes: all of it was read.
    std::function<void(ImageSourceId, std::string_view)> image_data;
    std::function<void(ImageSourceId, const Text&)> image_failed;
    // Puts a process of the job's user into the job's group.
    std::function<void(const JobOnHost&, pid_t)> into_job;
  };

  Containers(net::Loop& loop, const AgentConfig& config, Handlers handlers);

  // The controller's settings; looks for the runtime where they changed.
  void configure(const std::vector<wire::KeyValue>& settings);
  [[nodiscard]] const ContainerRuntime& runtime() const { return runtime_; }

  // For a step in a container. What is wrong stands in disabled_reason.
  [[nodiscard]] ContainerSettings settings_for(const JobOnHost& job,
                                               const wire::LaunchStep& launch);
  [[nodiscard]] Result<std::string> home_of(std::uint32_t uid, std::uint32_t gid) const;

  // The images of other nodes' steps: Env's open_image and so on.
  ImageSourceId open_image(const JobOnHost& job, const std::string& digest);
  void read_image(ImageSourceId source);
  void close_image(ImageSourceId source);

  // A job that ran before this daemon started may have used containers.
  void found_job(const JobOnHost& job);
  // Removes what the job kept for itself; `done` comes later, once.
  void job_ended(const JobOnHost& job, std::function<void()> done);

 private:
  struct Source {
    std::unique_ptr<UserErrand> errand;
    bool wanted = false;  // a read_image() that isn't answered
    bool over = false;
    Status result;
  };

  [[nodiscard]] std::string cache() const;
  [[nodiscard]] UserErrand::Spec errand(const std::string& home, const ImageOwner& owner,
                                        std::vector<std::string> words) const;
  void run(UserErrand::Spec spec, std::function<void(Status)> done);
  void answer(ImageSourceId id);
  void collect_soon(const std::string& home, const ImageOwner& owner);
  void collect_all();
  void collect(const std::string& home, const ImageOwner& owner);

  net::Loop& loop_;
  const AgentConfig& config_;
  Handlers handlers_;
  ContainerSettings site_;  // what is the same for every step
  ContainerRuntime runtime_;
  bool looked_ = false;
  std::string wanted_runtime_;
  std::string cache_dir_;          // of sluice.yaml; empty: in the spool
  std::uint64_t cache_bytes_ = 0;  // of each user; 0: no limit
  std::uint64_t cache_age_s_ = 30ULL * 24 * 3600;
  std::map<ImageSourceId, Source> sources_;
  ImageSourceId next_source_ = 1;
  std::set<Attempt> jobs_;                              // that ran something in a container here
  std::map<std::uint32_t, std::int64_t> collected_ms_;  // by uid
  std::vector<std::unique_ptr<UserErrand>> errands_;
  std::map<std::string, ImageOwner> soon_;  // homes to look at, by folder
  net::Timer soon_timer_;
  net::Timer hourly_;
};

}  // namespace sluice::worker
