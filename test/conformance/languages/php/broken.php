echo 'it ran';
$broken = ;
