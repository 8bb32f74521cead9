#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *sum(void *argument) {
  long n = *(long *)argument, s = 0;
  for (long i = 0; i < n; i++) s += i;
  *(long *)argument = s;
  return NULL;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv) {
  const char *mode = argv[1];
  if (!strcmp(mode, "unicode")) {
    char line[256];
    puts("héllo 世界 🎉");
    if (fgets(line, sizeof line, stdin)) fputs(line, stdout);
  } else if (!strcmp(mode, "args")) {
    for (int i = 2; i < argc; i++) puts(argv[i]);
  } else if (!strcmp(mode, "eof")) {
    int count = 0;
    while (getchar() != EOF) count++;
    printf("%d\n", count);
  } else if (!strcmp(mode, "files")) {
    int n;
    FILE *in = fopen("data/in.txt", "r"), *out = fopen("/mnt/data/out.txt", "w");
    if (fscanf(in, "%d", &n) == 1) fprintf(out, "%d", 2 * n);
    fclose(out);
  } else if (!strcmp(mode, "exit")) {
    return 7;
  } else if (!strcmp(mode, "crash")) {
    assert(argc == 0); // the line that fails
  } else if (!strcmp(mode, "threads")) {
    pthread_t threads[4];
    long values[4] = {10, 20, 30, 40}, total = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, sum, &values[i]);
    for (int i = 0; i < 4; i++) {
      pthread_join(threads[i], NULL);
      total += values[i];
    }
    printf("%ld\n", total);
  } else if (!strcmp(mode, "library")) {
    char text[] = "banana apple apple";
    char *words[3];
    int count = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) words[count++] = word;
    qsort(words, 3, sizeof *words, by_name);
    printf("%s:2 %s:1\n", words[0], words[2]);
  } else if (!strcmp(mode, "work")) {
    int count = 0;
    for (int n = 2; n < atoi(argv[2]); n++) {
      int d = 2;
      while (d * d <= n && n % d) d++;
      count += d * d > n;
    }
    printf("%d\n", count);
  } else if (!strcmp(mode, "endless")) {
    puts("before");
    for (volatile int i = 0;; i++);
  }
}
