<?php
declare(strict_types=1);

$mode = $argv[1];
if ($mode === 'unicode') {
    echo "héllo 世界 🎉\n", mb_strtolower(trim(fgets(STDIN))), "\n";
} elseif ($mode === 'args') {
    echo implode("\n", array_slice($argv, 2)), "\n";
} elseif ($mode === 'eof') {
    echo strlen(stream_get_contents(STDIN)), "\n";
} elseif ($mode === 'files') {
    file_put_contents('/mnt/data/out.txt', (string) (2 * (int) file_get_contents('data/in.txt')));
} elseif ($mode === 'exit') {
    exit(7);
} elseif ($mode === 'crash') {
    intdiv(1, 0); // the line that fails
} elseif ($mode === 'threads') {
    foreach ([10, 20, 30, 40] as $n) {
        if (pcntl_fork() === 0) {
            file_put_contents("/tmp/$n", (string) array_sum(range(0, $n - 1)));
            exit(0);
        }
    }
    while (pcntl_wait($status) > 0);
    echo array_sum(array_map(fn($n) => (int) file_get_contents("/tmp/$n"), [10, 20, 30, 40])), "\n";
} elseif ($mode === 'library') {
    $words = array_count_values(explode(' ', 'banana apple apple'));
    ksort($words);
    echo implode(' ', array_map(fn($word) => "$word:$words[$word]", array_keys($words))), "\n";
} elseif ($mode === 'work') {
    $count = 0;
    for ($n = 2; $n < (int) $argv[2]; $n++) {
        $d = 2;
        while ($d * $d <= $n && $n % $d) $d++;
        if ($d * $d > $n) $count++;
    }
    echo $count, "\n";
} elseif ($mode === 'endless') {
    echo "before\n";
    while (true);
}
