<?php
function area(int $side): int { return $side * $side; }
