// books-play: plays a scenario (scenario.hpp) on a site, in virtual time, and leaves behind what a
// controller would have: a directory that sluicectld can be started in.
//
//   books-play DIR SEED      reads DIR/{sluice.yaml,accounts.txt,scenario.txt} and the price files
//                            that the scenario names, writes DIR/state/sluice.db
#include <cstdio>
#include <set>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/quantity.hpp"
#include "cli/sluice/accounts_script.hpp"
#include "config/price_file.hpp"
#include "opt/job_options.hpp"
#include "test/books/desk.hpp"
#include "test/books/scenario.hpp"

namespace sluice::books {

namespace {

constexpr std::size_t kMostBytes = 16 * 1024 * 1024;
constexpr Micros kPatience = 20 * 86'400 * sim::kSec;  // after the scenario's end

class Player {
 public:
  Player(std::string dir, const config::ClusterConfig& config)
      : dir_(std::move(dir)), config_(config), desk_(timeline_, config) {}

  Status play(std::uint64_t seed) {
    const Result<std::vector<Line>> scenario = read_scenario(dir_ + "/scenario.txt");
    if (!scenario) return tl::unexpected(scenario.error());
    if (scenario->empty()) return fail(ErrorCode::invalid_argument, "an empty scenario");
    const Micros origin = timeline_.wall() - timeline_.now();
    run_until(scenario->front().at_us - origin);
    DeskOptions options{dir_ + "/state/sluice.db", seed, nullptr};
    if (Status read = read_accounts(options); !read) return read;
    if (Status opened = desk_.open(options); !opened) return opened;
    for (const Line& line : *scenario) {
      run_until(line.at_us - origin);
      act(line.words);
    }
    const Micros end = timeline_.now() + kPatience;
    while (!is_over() && timeline_.now() < end) run_until(timeline_.now() + 60 * sim::kSec);
    if (Status kept = desk_.settle(); !kept) return kept;
    std::printf("%llu submitted, %llu refused; %llu other requests refused; %zu notices\n",
                count(submitted_), count(not_submitted_), count(refused_), notices_.size());
    for (const std::string& notice : notices_) std::printf("  %s\n", notice.c_str());
    return is_over() ? Status() : fail(ErrorCode::failure, "jobs are left over");
  }

 private:
  static unsigned long long count(std::uint64_t number) { return number; }

  Status read_accounts(DeskOptions& options) const {
    const Result<std::string> text = base::read_file(dir_ + "/accounts.txt", kMostBytes);
    if (!text) return tl::unexpected(text.error());
    const Result<model::Accounts> read =
        cli::read_accounts_script({*text, "accounts.txt", config_.settings->cluster_name.str(),
                                   config_.settings->accounting_tres});
    if (!read) return tl::unexpected(read.error());
    options.accounts = std::make_shared<const model::Accounts>(*read);
    return {};
  }

  void run_until(Micros when) {
    timeline_.at(when, [] {});
    while (timeline_.now() < when) timeline_.step(when);
    while (timeline_.step(when)) {
    }
  }

  [[nodiscard]] bool is_over() const {
    for (const model::JobPtr& job : desk_.cluster().all_jobs()) {
      if (!model::is_finished(job->state) || (job->flags & model::kFlagCompleting) != 0) {
        return false;
      }
    }
    return true;
  }

  void act(const std::vector<std::string>& words) {
    const std::string& verb = words.front();
    if (verb == "submit") return submit(words);
    if (verb == "job") return act_on_job(words);
    if (verb == "node") return act_on_node(words);
    if (verb == "load") return load(words.at(1));
    if (verb == "money") return move_money(words);
    if (verb == "buy") return buy(words);
    if (verb == "close") return close(words.at(1));
    if (verb == "clear") return clear();
    notices_.insert("unknown verb " + verb);
  }

  template <class Message>
  void ask(std::uint32_t uid, const Message& message, std::string what) {
    desk_.ask(uid, message, [this, what = std::move(what)](const net::Frame& frame) {
      if (static_cast<wire::MessageType>(frame.type) != wire::MessageType::error_reply) return;
      ++refused_;
      const auto error = wire::decode<wire::ErrorReply>(frame.payload);
      notices_.insert(what + ": " + (error ? error->text.str() : "unreadable"));
    });
  }

  [[nodiscard]] wire::Submit submission(opt::JobOptions& options) {
    wire::Submit message;
    message.request_id = desk_.random_uid();
    message.spec = std::move(options.spec);
    message.spec.work_dir = "/tmp";
    message.request = std::move(options.request);
    message.script = "#!/bin/sh\n";
    return message;
  }

  // submit KEY USER RUN_US END -- ARGUMENTS
  void submit(const std::vector<std::string>& words) {
    const std::string& key = words.at(1);
    Behaviour how{.run = std::stoll(words.at(3))};
    how.out_of_memory = words.at(4) == "oom";
    how.launch_fails = words.at(4) == "launch";
    how.exit_code = base::parse_u32(words.at(4), 255).value_or(0);
    desk_.nodes().behave(key, how);
    opt::Invocation invocation;
    invocation.arguments = {"-J", key};
    invocation.arguments.insert(invocation.arguments.end(), words.begin() + 6, words.end());
    invocation.arguments.emplace_back("job.sh");
    invocation.now = timeline_.wall() / model::kSecond;
    invocation.uid = Desk::uid_of(words.at(2));
    invocation.read_file = [](const std::string&) { return std::string("#!/bin/sh\n"); };
    opt::Parsed<opt::SbatchOptions> options = opt::parse_sbatch(invocation);
    if (!options) {
      ++not_submitted_;
      notices_.insert(key + ": " + options.error().err);
      return;
    }
    const auto taken = [this, key](const net::Frame& frame) { submitted(key, frame); };
    if (options->more.empty()) {
      return desk_.ask(invocation.uid, submission(options->job), taken);
    }
    wire::SubmitHeterogeneous message;
    message.parts.push_back(submission(options->job));
    for (opt::JobOptions& part : options->more) {
      part.spec.name = key;
      message.parts.push_back(submission(part));
    }
    message.request_id = desk_.random_uid();
    desk_.ask(invocation.uid, message, taken);
  }

  void submitted(const std::string& key, const net::Frame& frame) {
    if (const auto reply = wire::decode<wire::SubmitReply>(frame.payload);
        static_cast<wire::MessageType>(frame.type) == wire::MessageType::submit_reply && reply) {
      ++submitted_;
      jobs_[key] = reply->job;
      return;
    }
    ++not_submitted_;
    const auto error = wire::decode<wire::ErrorReply>(frame.payload);
    notices_.insert("submit: " + (error ? error->text.str() : "unreadable"));
  }

  void act_on_job(const std::vector<std::string>& words) {
    static const std::map<std::string, model::JobVerb> kVerbs = {
        {"cancel", model::JobVerb::cancel}, {"suspend", model::JobVerb::suspend},
        {"resume", model::JobVerb::resume}, {"requeue", model::JobVerb::requeue},
        {"hold", model::JobVerb::hold},     {"release", model::JobVerb::release},
    };
    const auto job = jobs_.find(words.at(2));
    if (job == jobs_.end()) return;
    wire::JobAction message;
    message.request_id = desk_.random_uid();
    message.verb = kVerbs.at(words.at(1));
    message.filter.jobs.push_back({job->second, {}, model::kNoTask, model::kNoTask});
    if (words.size() > 3) {
      const std::uint32_t task = base::parse_u32(words[3], 100'000).value_or(0);
      message.filter.jobs.back().tasks = {{task, task, 1}};
    }
    desk_.ask(0, message, [](const net::Frame&) {});  // too late for many: that is fine
  }

  void act_on_node(const std::vector<std::string>& words) {
    const std::optional<NodeIndex> node = desk_.node(words.at(1));
    if (!node) return static_cast<void>(notices_.insert("unknown node " + words.at(1)));
    if (words.at(2) == "down") return desk_.node_goes(*node);
    desk_.node_comes(*node);
  }

  void load(const std::string& file) {
    const Result<std::string> text = base::read_file(dir_ + "/" + file, kMostBytes);
    const Result<config::PriceFile> read =
        text ? config::parse_price_file(*text, file) : tl::unexpected(text.error());
    if (!read) return static_cast<void>(notices_.insert(read.error().text));
    wire::LoadPrices message;
    message.request_id = desk_.random_uid();
    message.books = read->load.books;
    message.keep_books = read->load.keep_books;
    message.customers = read->load.customers;
    desk_.ask(0, message, [this, file](const net::Frame& frame) {
      const auto reply = wire::decode<wire::LoadPricesReply>(frame.payload);
      if (!reply || reply->refused) notices_.insert(file + ": " + (reply ? reply->text.str() : ""));
    });
  }

  void move_money(const std::vector<std::string>& words) {
    static const std::map<std::string, ledger::EntryKind> kKinds = {
        {"topup", ledger::EntryKind::topup},           {"credit", ledger::EntryKind::credit},
        {"withdrawal", ledger::EntryKind::withdrawal}, {"payment", ledger::EntryKind::payment},
        {"correction", ledger::EntryKind::correction}, {"transfer", ledger::EntryKind::transfer},
    };
    wire::PostMoney message;
    message.request_id = desk_.random_uid();
    message.kind = kKinds.at(words.at(1));
    message.customer = words.at(2);
    message.amount = ledger::parse_money(words.at(3)).value_or(0);
    if (words.size() > 4) message.to = words[4];
    ask(0, message, "money " + words.at(1));
  }

  void buy(const std::vector<std::string>& words) {
    wire::PostMoney message;
    message.request_id = desk_.random_uid();
    message.kind = ledger::EntryKind::purchase;
    message.customer = words.at(1);
    message.package.name = words.at(2);
    message.package.meter = words.at(3);
    message.package.units = std::stoll(words.at(4));
    message.amount = ledger::parse_money(words.at(5)).value_or(0);
    message.package.expires = std::stoll(words.at(6));
    ask(0, message, "buy");
  }

  void close(const std::string& month) {
    wire::PostMoney message;
    message.request_id = desk_.random_uid();
    message.kind = ledger::EntryKind::closing;
    message.month = ledger::parse_month(month).value_or(ledger::Month{});
    ask(0, message, "close " + month);
  }

  void clear() {
    for (const model::JobPtr& job : desk_.cluster().all_jobs()) {
      const bool waits =
          job->state == model::JobState::pending || job->state == model::JobState::suspended;
      if (!waits) continue;
      wire::JobAction message;
      message.request_id = desk_.random_uid();
      message.filter.jobs.push_back({job->id, {}, model::kNoTask, model::kNoTask});
      desk_.ask(0, message, [](const net::Frame&) {});
    }
  }

  std::string dir_;
  const config::ClusterConfig& config_;
  sim::Timeline timeline_;
  Desk desk_;
  std::map<std::string, JobId> jobs_;
  std::uint64_t submitted_ = 0;
  std::uint64_t not_submitted_ = 0;
  std::uint64_t refused_ = 0;
  std::set<std::string> notices_;
};

int run(const std::string& dir, std::uint64_t seed) {
  const Result<config::ClusterConfig> config = config::load_cluster_config(dir + "/sluice.yaml");
  Status played = config ? Status() : tl::unexpected(config.error());
  if (played) played = base::make_directories(dir + "/state", 0700);
  if (played) played = Player(dir, *config).play(seed);
  if (!played) std::fprintf(stderr, "books-play: %s\n", played.error().text.c_str());
  return played ? 0 : 1;
}

}  // namespace

}  // namespace sluice::books

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: books-play DIR SEED\n");
    return 2;
  }
  return sluice::books::run(arguments[1], std::stoull(arguments[2]));
}
