<?php
// Before a program: PHP has opened its source, so the file can go.
(function (): void {
    $entry = getenv('DRAGOMAN_ENTRY');
    if ($entry === false) return;
    putenv('DRAGOMAN_ENTRY');
    unset($_SERVER['DRAGOMAN_ENTRY'], $_ENV['DRAGOMAN_ENTRY']);
    unlink($entry);
})();
