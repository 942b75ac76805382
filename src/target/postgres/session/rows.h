#ifndef SPILLWAY_TARGET_POSTGRES_SESSION_ROWS_H_
#define SPILLWAY_TARGET_POSTGRES_SESSION_ROWS_H_

#include <cstdint>
#include <string_view>

/// What a PostgreSQL server returned for one statement. Used by one thread at a time; knows no
/// connection.
namespace spillway::target::postgres {

/// What a statement returned. Owns libpq's result; views live as long as it does.
class Rows {
 public:
  explicit Rows(void* result);
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&& other) noexcept;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  int size() const;
  int columns() const;
  bool IsNull(int row, int column) const;
  /// Text of a value; "" for NULL.
  std::string_view text(int row, int column) const;
  /// A value as a number; 0 for NULL or what is none.
  std::int64_t number(int row, int column) const;
  bool boolean(int row, int column) const { return text(row, column) == "t"; }
  /// Rows that the command touched: COPY, INSERT, UPDATE, DELETE.
  std::int64_t affected() const;
  /// The command's tag: "COPY 12", "COMMIT".
  std::string_view command() const;

 private:
  void* result_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SESSION_ROWS_H_
