// The floor of a first load: how fast this PostgreSQL takes rows that need no reading and no
// encoding.
//
// It sends a file of binary COPY bytes, read into memory before the clock starts, over one to four
// connections into a table that it creates, then adds the primary key. Each connection sends an
// equal share of the bytes, cut on row boundaries, in its own transaction. What it prints is one
// JSON object with the seconds of each part. It verifies nothing: bench/run.py compares the table
// afterwards.
//
// The file is what `COPY table TO STDOUT (FORMAT binary)` writes: a 19-byte header, rows of
// int16 field count and per field int32 length and bytes, then an int16 of -1.
// https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kHeaderBytes = 19, kTrailerBytes = 2, kMaxConnections = 4 };

static const char kSignature[11] = "PGCOPY\n\377\r\n";
static const char kTrailer[kTrailerBytes] = {'\377', '\377'};

typedef struct {
  const char* url;
  const char* table;    // quoted as SQL wants it
  const char* columns;  // what stands between the parentheses of CREATE TABLE
  const char* key;      // column list of the primary key; NULL adds none
  const char* data;
  const char* session;  // SQL run first on every connection, or NULL
  size_t send_bytes;
  int connections;
  bool freeze;  // CREATE TABLE and COPY (FREEZE) in one transaction; one connection only
} Options;

typedef struct {
  char* bytes;
  size_t size;
} Buffer;

// One connection's share: header, [begin, end) of the rows, trailer.
typedef struct {
  PGconn* connection;
  const Options* options;
  const char* header;
  const char* begin;
  const char* end;
} Stream;

static void Fail(const char* what, const char* detail) {
  fprintf(stderr, "spillway-floor: %s: %s\n", what, detail);
  exit(1);
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static Buffer ReadFile(const char* path) {
  int file = open(path, O_RDONLY);
  if (file < 0) Fail(path, strerror(errno));
  struct stat status;
  if (fstat(file, &status) != 0) Fail(path, strerror(errno));
  Buffer buffer = {.bytes = malloc((size_t)status.st_size), .size = (size_t)status.st_size};
  if (buffer.bytes == NULL) Fail(path, "does not fit in memory");
  size_t filled = 0;
  while (filled < buffer.size) {
    ssize_t got = read(file, buffer.bytes + filled, buffer.size - filled);
    if (got <= 0) Fail(path, got == 0 ? "is shorter than it was" : strerror(errno));
    filled += (size_t)got;
  }
  close(file);
  return buffer;
}

static int16_t ReadInt16(const char* at) {
  return (int16_t)(((unsigned)(uint8_t)at[0] << 8) | (uint8_t)at[1]);
}

static int32_t ReadInt32(const char* at) {
  return (int32_t)(((uint32_t)(uint8_t)at[0] << 24) | ((uint32_t)(uint8_t)at[1] << 16) |
                   ((uint32_t)(uint8_t)at[2] << 8) | (uint32_t)(uint8_t)at[3]);
}

// The end of the row at `row`, or NULL if it is cut short.
static const char* SkipRow(const char* row, const char* limit) {
  if (limit - row < 2) return NULL;
  const int fields = ReadInt16(row);
  const char* at = row + 2;
  for (int field = 0; field < fields; ++field) {
    if (limit - at < 4) return NULL;
    const int32_t length = ReadInt32(at);
    at += 4;
    if (length > 0) {
      if (limit - at < length) return NULL;
      at += length;
    }
  }
  return at;
}

// Cuts the rows into `count` shares of equal bytes on row boundaries: share i is
// [cuts[i], cuts[i + 1]). Returns the number of rows.
static long CutRows(const Buffer* data, int count, const char** cuts) {
  if (data->size < kHeaderBytes + kTrailerBytes ||
      memcmp(data->bytes, kSignature, sizeof(kSignature)) != 0) {
    Fail("data", "is not a binary COPY file");
  }
  const char* limit = data->bytes + data->size;
  const char* row = data->bytes + kHeaderBytes;
  const size_t share = data->size / (size_t)count;
  long rows = 0;
  int next = 1;
  cuts[0] = row;
  while (row < limit - kTrailerBytes) {
    row = SkipRow(row, limit);
    if (row == NULL) Fail("data", "ends inside a row");
    ++rows;
    if (next < count && (size_t)(row - data->bytes) >= share * (size_t)next) cuts[next++] = row;
  }
  while (next <= count) cuts[next++] = row;
  return rows;
}

static PGconn* Connect(const Options* options) {
  PGconn* connection = PQconnectdb(options->url);
  if (PQstatus(connection) != CONNECTION_OK) Fail("connect", PQerrorMessage(connection));
  return connection;
}

static void Execute(PGconn* connection, const char* sql) {
  PGresult* result = PQexec(connection, sql);
  if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
    Fail(sql, PQerrorMessage(connection));
  }
  PQclear(result);
}

static void Send(PGconn* connection, const char* bytes, size_t size) {
  if (PQputCopyData(connection, bytes, (int)size) != 1) Fail("send", PQerrorMessage(connection));
}

static void* Load(void* argument) {
  const Stream* stream = argument;
  const Options* options = stream->options;
  PGconn* connection = stream->connection;
  char sql[1024];
  snprintf(sql, sizeof(sql), "COPY %s FROM STDIN (FORMAT binary%s)", options->table,
           options->freeze ? ", FREEZE" : "");
  PGresult* started = PQexec(connection, sql);
  if (PQresultStatus(started) != PGRES_COPY_IN) Fail(sql, PQerrorMessage(connection));
  PQclear(started);
  Send(connection, stream->header, kHeaderBytes);
  for (const char* at = stream->begin; at < stream->end;) {
    const size_t left = (size_t)(stream->end - at);
    const size_t size = left < options->send_bytes ? left : options->send_bytes;
    Send(connection, at, size);
    at += size;
  }
  Send(connection, kTrailer, kTrailerBytes);
  if (PQputCopyEnd(connection, NULL) != 1) Fail("end", PQerrorMessage(connection));
  PGresult* ended = PQgetResult(connection);
  if (PQresultStatus(ended) != PGRES_COMMAND_OK) Fail(sql, PQerrorMessage(connection));
  PQclear(ended);
  while ((ended = PQgetResult(connection)) != NULL) PQclear(ended);
  return NULL;
}

static Options ParseOptions(int argc, char** argv) {
  static const struct option kOptions[] = {
      {"url", required_argument, NULL, 'u'},        {"table", required_argument, NULL, 't'},
      {"columns", required_argument, NULL, 'c'},    {"key", required_argument, NULL, 'k'},
      {"data", required_argument, NULL, 'd'},       {"session", required_argument, NULL, 's'},
      {"send-bytes", required_argument, NULL, 'b'}, {"connections", required_argument, NULL, 'n'},
      {"freeze", no_argument, NULL, 'f'},           {NULL, 0, NULL, 0}};
  Options options = {.send_bytes = 1 << 20, .connections = 1};
  int chosen;
  while ((chosen = getopt_long(argc, argv, "", kOptions, NULL)) != -1) {
    switch (chosen) {
      case 'u':
        options.url = optarg;
        break;
      case 't':
        options.table = optarg;
        break;
      case 'c':
        options.columns = optarg;
        break;
      case 'k':
        options.key = optarg;
        break;
      case 'd':
        options.data = optarg;
        break;
      case 's':
        options.session = optarg;
        break;
      case 'b':
        options.send_bytes = strtoul(optarg, NULL, 10);
        break;
      case 'n':
        options.connections = atoi(optarg);
        break;
      case 'f':
        options.freeze = true;
        break;
      default:
        exit(2);
    }
  }
  if (options.url == NULL || options.table == NULL || options.columns == NULL ||
      options.data == NULL || options.send_bytes == 0 || options.send_bytes > (1 << 29) ||
      options.connections < 1 || options.connections > kMaxConnections ||
      (options.freeze && options.connections != 1)) {
    fprintf(stderr,
            "usage: spillway-floor --url URL --table NAME --columns 'id bigint, …' --data FILE\n"
            "                      [--key id] [--connections 1..4] [--send-bytes 1048576]\n"
            "                      [--session SQL] [--freeze (with one connection)]\n");
    exit(2);
  }
  return options;
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const Buffer data = ReadFile(options.data);
  const char* cuts[kMaxConnections + 1];
  const long rows = CutRows(&data, options.connections, cuts);
  const size_t sql_size = strlen(options.table) + strlen(options.columns) + 64;
  char* sql = malloc(sql_size);
  if (sql == NULL) Fail("options", "do not fit in memory");

  const double start = Now();
  Stream streams[kMaxConnections];
  for (int i = 0; i < options.connections; ++i) {
    streams[i] = (Stream){Connect(&options), &options, data.bytes, cuts[i], cuts[i + 1]};
    if (options.session != NULL) Execute(streams[i].connection, options.session);
  }
  PGconn* first = streams[0].connection;
  if (options.freeze) Execute(first, "BEGIN");
  snprintf(sql, sql_size, "CREATE TABLE %s (%s)", options.table, options.columns);
  Execute(first, sql);

  const double copy_start = Now();
  pthread_t threads[kMaxConnections];
  for (int i = 1; i < options.connections; ++i) {
    if (pthread_create(&threads[i], NULL, Load, &streams[i]) != 0) Fail("thread", strerror(errno));
  }
  Load(&streams[0]);
  for (int i = 1; i < options.connections; ++i) pthread_join(threads[i], NULL);
  if (options.freeze) Execute(first, "COMMIT");

  const double key_start = Now();
  if (options.key != NULL) {
    snprintf(sql, sql_size, "ALTER TABLE %s ADD PRIMARY KEY (%s)", options.table, options.key);
    Execute(first, sql);
  }
  const double end = Now();

  printf(
      "{\"connections\": %d, \"send_bytes\": %zu, \"rows\": %ld, \"bytes\": %zu, \"copy_s\": %.4f, "
      "\"key_s\": %.4f, \"total_s\": %.4f}\n",
      options.connections, options.send_bytes, rows, data.size, key_start - copy_start,
      end - key_start, end - start);
  for (int i = 0; i < options.connections; ++i) PQfinish(streams[i].connection);
  free(sql);
  free(data.bytes);
  return 0;
}
