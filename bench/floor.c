/* The floors of `make bench`: what a C parser and SQLite cost on the same bytes, with no checks and no protocol.
 *
 *   floor parse FILE           expat reads the file; nothing is done with it
 *   floor replace FILE STORE   expat reads the roaming list in it; SQLite replaces the list in STORE by it, one
 *                              transaction, durable when it ends
 *   floor select STORE         SQLite reads every column of every row of that list
 *
 * The table has the columns and the key of eCHS's own. STORE is made where it is not there.
 */
#include <expat.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 10, PIECE = 1 << 20, VALUE = 4096 };

static const char *SCHEMA =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE IF NOT EXISTS authorisation ("
    " partner_id INTEGER NOT NULL, generation INTEGER NOT NULL, position INTEGER NOT NULL,"
    " contract_id TEXT NOT NULL, hub INTEGER NOT NULL, token_type INTEGER NOT NULL, token_id TEXT NOT NULL,"
    " printed_number TEXT NOT NULL, expiry_date TEXT NOT NULL, pin TEXT NOT NULL, pin_mandatory INTEGER NOT NULL,"
    " activated INTEGER NOT NULL, token_hash TEXT NOT NULL,"
    " PRIMARY KEY (partner_id, generation, position)) WITHOUT ROWID;";

static sqlite3 *store;
static sqlite3_stmt *row;
static int depth, field, position;
static char value[FIELDS][VALUE];
static int length[FIELDS];

static void fail(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, store ? sqlite3_errmsg(store) : "");
    exit(1);
}

static void run(const char *sql) {
    if (sqlite3_exec(store, sql, NULL, NULL, NULL) != SQLITE_OK) fail(sql);
}

static sqlite3_stmt *prepared(const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql);
    return statement;
}

static long long number(const char *sql) {
    sqlite3_stmt *statement = prepared(sql);
    long long found = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return found;
}

static void XMLCALL begin(void *data, const XML_Char *name, const XML_Char **attributes) {
    (void)data, (void)name, (void)attributes;
    depth++;
    if (depth == 4) field = -1;
    if (depth == 5 && field < FIELDS - 1) length[++field] = 0;
}

static void XMLCALL text(void *data, const XML_Char *characters, int count) {
    (void)data;
    if (depth != 5 || field < 0 || length[field] + count >= VALUE) return;
    memcpy(value[field] + length[field], characters, count);
    length[field] += count;
}

static void XMLCALL end(void *data, const XML_Char *name) {
    (void)data, (void)name;
    if (depth-- != 4 || field != FIELDS - 1) return;
    sqlite3_bind_int(row, 1, position++);
    for (int i = 0; i < FIELDS; i++) sqlite3_bind_text(row, i + 2, value[i], length[i], SQLITE_STATIC);
    if (sqlite3_step(row) != SQLITE_DONE) fail("insert");
    sqlite3_reset(row);
}

static void parse(const char *path, int with_rows) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    XML_Parser parser = XML_ParserCreateNS(NULL, ' ');
    if (with_rows) {
        XML_SetElementHandler(parser, begin, end);
        XML_SetCharacterDataHandler(parser, text);
    }
    size_t got;
    do {
        void *buffer = XML_GetBuffer(parser, PIECE);
        got = fread(buffer, 1, PIECE, file);
        if (XML_ParseBuffer(parser, (int)got, got == 0) != XML_STATUS_OK) fail("not well-formed");
    } while (got);
    XML_ParserFree(parser);
    fclose(file);
}

static void replace(const char *path) {
    char sql[256];
    run("BEGIN IMMEDIATE");
    long long generation = number("SELECT coalesce(max(generation), 0) + 1 FROM authorisation WHERE partner_id = 1");
    snprintf(sql, sizeof sql, "INSERT INTO authorisation VALUES (1, %lld, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", generation);
    row = prepared(sql);
    parse(path, 1);
    sqlite3_finalize(row);
    snprintf(sql, sizeof sql, "DELETE FROM authorisation WHERE partner_id = 1 AND generation < %lld", generation);
    run(sql);
    run("COMMIT");
}

static void select_all(void) {
    sqlite3_stmt *all = prepared("SELECT * FROM authorisation ORDER BY partner_id, generation, position");
    long long rows = 0, bytes = 0;
    while (sqlite3_step(all) == SQLITE_ROW) {
        rows++;
        for (int i = 3; i < 3 + FIELDS; i++) bytes += sqlite3_column_text(all, i) ? sqlite3_column_bytes(all, i) : 0;
    }
    sqlite3_finalize(all);
    printf("%lld rows, %lld bytes\n", rows, bytes);
}

int main(int count, char **words) {
    const char *what = count > 2 ? words[1] : "";
    if (!strcmp(what, "parse")) {
        parse(words[2], 0);
        return 0;
    }
    const char *path = !strcmp(what, "replace") && count > 3 ? words[3] : !strcmp(what, "select") ? words[2] : NULL;
    if (!path) {
        fprintf(stderr, "usage: floor parse FILE | floor replace FILE STORE | floor select STORE\n");
        return 2;
    }
    if (sqlite3_open(path, &store) != SQLITE_OK) fail(path);
    run(SCHEMA);
    if (words[1][0] == 'r') replace(words[2]); else select_all();
    sqlite3_close(store);
    return 0;
}
