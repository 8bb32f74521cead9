<?php
function plus(int $n): int { return $n + 6; }
