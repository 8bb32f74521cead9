program parts
  use a_first
  use helper
  implicit none
  print '(a, i0)', 'parts ', plus(area(6))
end program
