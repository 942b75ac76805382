#include "source/secret_reference.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "state/durable_file.h"
#include "state/file_lock.h"

namespace spillway::source {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Secret;
using base::Status;
using nlohmann::json;
using StoredSecrets = std::map<std::string, std::string>;

constexpr int kFormat = 1;

struct KindName {
  SecretReference::Kind kind;
  std::string_view name;
};
constexpr std::array<KindName, 3> kKinds = {{{SecretReference::Kind::kEnvironment, "env"},
                                             {SecretReference::Kind::kFile, "file"},
                                             {SecretReference::Kind::kStored, "stored"}}};

Status Unavailable(std::string message, std::string mend) {
  return Status(ErrorClass::kSecretUnavailable, std::move(message)).Mend(std::move(mend));
}

Status Damaged(const std::string& path) {
  return Status(ErrorClass::kStateCorrupt, "the file of stored secrets is damaged: " + path)
      .With("path", path)
      .Mend("Restore it from a backup, or remove it and give the secrets again.");
}

Result<StoredSecrets> ReadStored(const std::string& path) {
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(path));
  StoredSecrets secrets;
  if (!content) return secrets;
  const json document = json::parse(*content, nullptr, false);
  if (!document.is_object() || document.value("format", json()) != json(kFormat)) {
    return Damaged(path);
  }
  const json stored = document.value("secrets", json());
  if (!stored.is_object()) return Damaged(path);
  for (const auto& [key, value] : stored.items()) {
    if (!value.is_string()) return Damaged(path);
    secrets.emplace(key, value.get<std::string>());
  }
  return secrets;
}

Status WriteStored(const std::string& path, const StoredSecrets& secrets) {
  std::string text;
  try {
    text = json{{"format", kFormat}, {"secrets", secrets}}.dump(2) + "\n";
  } catch (const json::exception&) {
    return Status(ErrorClass::kInvalidArgument, "the secret is not UTF-8 text")
        .Mend("Keep it in a file and refer to it as ${file:PATH}.");
  }
  return state::ReplaceFile(path, text, 0600);
}

Result<std::unique_ptr<state::FileLock>> Lock(const Context& context, const state::Home& home) {
  SPILLWAY_TRY(state::MakeFolders(home.locks(), 0700));
  return state::FileLock::Acquire(context.Within(std::chrono::seconds(5)),
                                  home.locks() + "/secrets.lock", "change secrets");
}

Secret WithoutLineBreak(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return Secret(std::move(text));
}

}  // namespace

bool LooksLikeSecretReference(std::string_view text) {
  return text.starts_with("${") && text.ends_with("}");
}

Result<SecretReference> ParseSecretReference(std::string_view text) {
  if (!LooksLikeSecretReference(text)) {
    return Status(ErrorClass::kInvalidArgument, "not a reference to a secret")
        .Mend("Write ${env:NAME} or ${file:PATH}.");
  }
  const std::string_view inside = text.substr(2, text.size() - 3);
  const auto colon = inside.find(':');
  const std::string_view kind = inside.substr(0, colon);
  if (colon != std::string_view::npos && kind == "secret") {
    return Status(ErrorClass::kNotYetSupported, "a secret by ${secret:SCOPE/KEY}")
        .Mend("Use ${env:NAME} or ${file:PATH}; ${secret:…} is coming.");
  }
  for (const auto& known : kKinds) {
    if (colon != std::string_view::npos && kind == known.name && colon + 1 < inside.size()) {
      return SecretReference{known.kind, std::string(inside.substr(colon + 1))};
    }
  }
  // What stands there may be a secret that only looks like a reference.
  return Status(ErrorClass::kInvalidArgument, "a reference to a secret that cannot be read")
      .Mend("Write ${env:NAME} or ${file:PATH}.");
}

SecretKeeper::SecretKeeper(state::Home home, state::Environment environment, bool rehearses)
    : home_(std::move(home)), environment_(std::move(environment)), rehearses_(rehearses) {}

Result<Secret> SecretKeeper::Resolve(std::string_view reference) const {
  SPILLWAY_ASSIGN(const SecretReference parsed, ParseSecretReference(reference));
  switch (parsed.kind) {
    case SecretReference::Kind::kEnvironment: {
      auto value = environment_(parsed.name);
      if (value) return Secret(*std::move(value));
      return Unavailable("the environment variable " + parsed.name + " is not set",
                         "Set it: export " + parsed.name + "=…");
    }
    case SecretReference::Kind::kFile: {
      auto content = state::ReadSmallFile(parsed.name);
      if (!content.ok()) {
        return Unavailable(std::string(content.status().message()),
                           "Let the user who runs spillway read the file.");
      }
      if (*content) return WithoutLineBreak(**std::move(content));
      return Unavailable("there is no file " + parsed.name, "Make it, readable by you only.");
    }
    case SecretReference::Kind::kStored: {
      SPILLWAY_ASSIGN(const StoredSecrets stored, ReadStored(home_.secrets_file()));
      const auto found = stored.find(parsed.name);
      if (found != stored.end()) return Secret(found->second);
      return Unavailable("no secret is stored as " + parsed.name + " in " + home_.secrets_file(),
                         "Remove what refers to it and add it again with its secret.");
    }
  }
  return Status(ErrorClass::kInternal, "unknown kind of reference");
}

Result<KeptSecret> SecretKeeper::Keep(const Context& context, std::string_view key,
                                      std::string_view given) const {
  KeptSecret kept;
  if (given.empty()) return kept;
  if (LooksLikeSecretReference(given)) {
    SPILLWAY_TRY(ParseSecretReference(given).status());
    kept.reference = given;
    return kept;
  }
  std::string free(key);
  if (!rehearses_) {
    SPILLWAY_ASSIGN(const auto lock, Lock(context, home_));
    SPILLWAY_ASSIGN(StoredSecrets stored, ReadStored(home_.secrets_file()));
    for (int number = 2; stored.contains(free); ++number) {
      free = std::string(key) + "/" + std::to_string(number);
    }
    stored.emplace(free, given);
    SPILLWAY_TRY(WriteStored(home_.secrets_file(), stored));
  }
  kept.reference = "${stored:" + free + "}";
  kept.warning = "the secret " + std::string(key) + " was given literally; it is kept in " +
                 home_.secrets_file() +
                 " (readable by you only). ${env:NAME} or ${file:PATH} would "
                 "keep it out of your shell's history";
  return kept;
}

Status SecretKeeper::Drop(const Context& context, std::string_view reference) const {
  const Result<SecretReference> parsed = ParseSecretReference(reference);
  if (!parsed.ok() || parsed->kind != SecretReference::Kind::kStored) return Status();
  return Remove(context, [&](const std::string& key) { return key == parsed->name; });
}

Status SecretKeeper::Forget(const Context& context, std::string_view prefix) const {
  const std::string below = std::string(prefix) + "/";
  return Remove(context,
                [&](const std::string& key) { return key == prefix || key.starts_with(below); });
}

Status SecretKeeper::Remove(const Context& context,
                            const std::function<bool(const std::string& key)>& is_meant) const {
  SPILLWAY_ASSIGN(StoredSecrets stored, ReadStored(home_.secrets_file()));
  const auto entry_is_meant = [&](const auto& entry) { return is_meant(entry.first); };
  if (rehearses_ || std::none_of(stored.begin(), stored.end(), entry_is_meant)) return Status();
  SPILLWAY_ASSIGN(const auto lock, Lock(context, home_));
  SPILLWAY_ASSIGN(stored, ReadStored(home_.secrets_file()));
  std::erase_if(stored, entry_is_meant);
  return WriteStored(home_.secrets_file(), stored);
}

}  // namespace spillway::source
