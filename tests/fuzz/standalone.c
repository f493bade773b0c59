/*
 * Runs a fuzzer over the files of its corpus, as an ordinary test.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define FILE_MAX (1 << 20)

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = malloc(FILE_MAX);
    size_t size;

    if (file == NULL || data == NULL) {
        perror(path);
        return 0;
    }
    size = fread(data, 1, FILE_MAX, file);
    (void)fclose(file);
    /* Exactly as long as it is, so that a sanitizer sees its end. */
    data = realloc(data, size > 0 ? size : 1);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char path[4096];
    int n = 0;

    if (dir == NULL) {
        perror(folder);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        n += run_file(path);
    }
    (void)closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++)
        n += run_folder(argv[i]);
    printf("%d inputs\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
