/*
 * Tables and single objects.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A list of more members than this is filled into lines on a terminal. */
#define FILLED_FROM 9

void cli_table_init(struct cli_table *table, struct cli *cli, const char *name,
                    const struct cli_column *columns)
{
    *table = (struct cli_table){
        .cli = cli,
        .name = name,
        .columns = columns,
    };
}

void cli_table_clear(struct cli_table *table)
{
    json_decref(table->rows);
    table->rows = NULL;
}

static ks_rc no_memory(struct ks_err *err)
{
    return ks_fail(err, KS_E_NOMEM, "output: out of memory");
}

/* The members of an array, joined by ", ". */
static char *array_text(const json_t *array)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    size_t i;
    json_t *item;

    if (stream == NULL)
        return NULL;
    json_array_foreach(array, i, item)(void)
        fprintf(stream, "%s%s", i > 0 ? ", " : "",
                json_is_string(item) ? json_string_value(item) : "?");
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Caller frees; NULL when out of memory. */
static char *cell_text(const json_t *value)
{
    char *text = NULL;

    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_integer(value))
        return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0
                   ? NULL
                   : text;
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_array(value) && json_array_size(value) > 0)
        return array_text(value);
    return strdup("-");
}

/* Columns of a terminal that TEXT takes: its UTF-8 characters. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct cli_table *table,
                           const struct cli_column *column)
{
    size_t width = text_width(column->title);
    size_t i;
    json_t *row;

    json_array_foreach(table->rows, i, row)
    {
        char *text = cell_text(json_object_get(row, column->key));
        size_t this_width = text == NULL ? 0 : text_width(text);

        width = this_width > width ? this_width : width;
        free(text);
    }
    return width;
}

static void put_cell(const char *text, size_t width, bool last)
{
    cli_put_safe(stdout, text);
    for (size_t n = text_width(text); !last && n < width + 2; n++)
        (void)putchar(' ');
}

static ks_rc put_row(const struct cli_table *table, const json_t *row,
                     const size_t *widths, struct ks_err *err)
{
    table->cli->out_started = true;
    for (size_t i = 0; table->columns[i].key != NULL; i++) {
        bool last = table->columns[i + 1].key == NULL;
        char *text =
            row == NULL
                ? strdup(table->columns[i].title)
                : cell_text(json_object_get(row, table->columns[i].key));

        if (text == NULL)
            return no_memory(err);
        if (widths != NULL)
            put_cell(text, widths[i], last);
        else
            cli_put_safe(stdout, text);
        if (widths == NULL && !last)
            (void)putchar('\t');
        free(text);
    }
    if (putchar('\n') == EOF)
        return cli_out_failed(err);
    return KS_OK;
}

static ks_rc start_json(struct cli_table *table, struct ks_err *err)
{
    if (table->count > 0)
        return KS_OK;
    table->cli->out_started = true;
    if (printf("{\"version\": %d, \"%s\": [", CLI_JSON_VERSION, table->name) <
        0)
        return cli_out_failed(err);
    return KS_OK;
}

static ks_rc json_row(struct cli_table *table, const json_t *row,
                      struct ks_err *err)
{
    ks_rc rc = start_json(table, err);

    if (rc != KS_OK)
        return rc;
    if (fputs(table->count > 0 ? ",\n" : "\n", stdout) == EOF ||
        json_dumpf(row, stdout, JSON_ENSURE_ASCII) != 0)
        return cli_out_failed(err);
    return KS_OK;
}

ks_rc cli_table_row(struct cli_table *table, json_t *row, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (row == NULL)
        return no_memory(err);
    if (table->cli->globals.json) {
        rc = json_row(table, row, err);
    } else if (!table->cli->stdout_tty) {
        rc = put_row(table, row, NULL, err);
    } else {
        if (table->rows == NULL)
            table->rows = json_array();
        if (json_array_append(table->rows, row) != 0)
            rc = no_memory(err);
    }
    table->count++;
    json_decref(row);
    return rc;
}

static ks_rc put_columns(const struct cli_table *table, struct ks_err *err)
{
    size_t n = 0;
    size_t *widths = NULL;
    size_t i;
    json_t *row;
    ks_rc rc;

    while (table->columns[n].key != NULL)
        n++;
    widths = calloc(n + 1, sizeof(*widths));
    if (widths == NULL)
        return no_memory(err);
    for (i = 0; i < n; i++)
        widths[i] = column_width(table, &table->columns[i]);
    rc = put_row(table, NULL, widths, err);
    json_array_foreach(table->rows, i, row)
    {
        if (rc == KS_OK)
            rc = put_row(table, row, widths, err);
    }
    free(widths);
    return rc;
}

ks_rc cli_table_end(struct cli_table *table, struct ks_err *err)
{
    ks_rc rc;

    if (table->cli->globals.json) {
        rc = start_json(table, err);
        if (rc == KS_OK &&
            fputs(table->count > 0 ? "\n]}\n" : "]}\n", stdout) == EOF)
            rc = cli_out_failed(err);
        return rc;
    }
    if (table->rows == NULL)
        return KS_OK;
    return put_columns(table, err);
}

static ks_rc put_field(const struct cli *cli, const char *title, size_t width,
                       const char *text, struct ks_err *err)
{
    if (cli->stdout_tty)
        (void)printf("%-*s  ", (int)width, title);
    else
        (void)printf("%s\t", title);
    cli_put_safe(stdout, text);
    if (putchar('\n') == EOF)
        return cli_out_failed(err);
    return KS_OK;
}

static size_t terminal_width(void)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return 80;
    return size.ws_col;
}

/* As many members to a line as there is room for. */
static ks_rc put_filled(const char *title, size_t width, const json_t *array,
                        struct ks_err *err)
{
    const size_t room = terminal_width();
    size_t column = width + 2, i;
    json_t *item;

    (void)printf("%-*s  ", (int)width, title);
    json_array_foreach(array, i, item)
    {
        const char *text = json_string_value(item);
        size_t len = text != NULL ? strlen(text) : 0;

        if (i > 0 && column + 1 + len >= room) {
            (void)printf("\n%-*s  ", (int)width, "");
            column = width + 2;
        } else if (i > 0) {
            (void)putchar(' ');
            column++;
        }
        cli_put_safe(stdout, text != NULL ? text : "");
        column += len;
    }
    return putchar('\n') == EOF ? cli_out_failed(err) : KS_OK;
}

/* A line for each member of an array or object, one for anything else. Long
 * lists are filled into lines on a terminal. */
static ks_rc put_value(const struct cli *cli, const char *title, size_t width,
                       json_t *value, struct ks_err *err)
{
    ks_rc rc = KS_OK;
    char *text = NULL;
    const char *key;
    size_t i;
    json_t *item;

    if (cli->stdout_tty && json_array_size(value) > FILLED_FROM)
        return put_filled(title, width, value, err);
    json_array_foreach(value, i, item)
    {
        if (rc == KS_OK && json_is_string(item))
            rc = put_field(cli, title, width, json_string_value(item), err);
    }
    json_object_foreach(value, key, item)
    {
        text = NULL;
        if (rc == KS_OK && json_is_string(item))
            rc = asprintf(&text, "%s = %s", key, json_string_value(item)) < 0
                     ? no_memory(err)
                     : put_field(cli, title, width, text, err);
        free(text);
    }
    if (json_is_array(value) || json_is_object(value))
        return rc;
    text = cell_text(value);
    rc =
        text == NULL ? no_memory(err) : put_field(cli, title, width, text, err);
    free(text);
    return rc;
}

static ks_rc show_fields(struct cli *cli, const json_t *object,
                         const struct cli_column *fields, struct ks_err *err)
{
    size_t width = 0;
    ks_rc rc = KS_OK;

    cli->out_started = true;
    for (size_t i = 0; fields[i].key != NULL; i++)
        if (strlen(fields[i].title) > width)
            width = strlen(fields[i].title);
    for (size_t i = 0; rc == KS_OK && fields[i].key != NULL; i++) {
        json_t *value = json_object_get(object, fields[i].key);

        if (value != NULL && !json_is_null(value))
            rc = put_value(cli, fields[i].title, width, value, err);
    }
    return rc;
}

ks_rc cli_show(struct cli *cli, const char *name, json_t *object,
               const struct cli_column *fields, struct ks_err *err)
{
    ks_rc rc;

    if (object == NULL)
        return no_memory(err);
    if (cli->globals.json)
        return cli_out_json(cli, json_pack("{s:o}", name, object), err);
    rc = show_fields(cli, object, fields, err);
    json_decref(object);
    return rc;
}
