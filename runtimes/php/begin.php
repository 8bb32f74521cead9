<?php
// Before a program: PHP has opened its source, so the file can go.
(function (): void {
    $entry = getenv('_PROGRAM_SOURCE');
    if ($entry === false) return;
    putenv('_PROGRAM_SOURCE');
    unset($_SERVER['_PROGRAM_SOURCE'], $_ENV['_PROGRAM_SOURCE']);
    unlink($entry);
})();
