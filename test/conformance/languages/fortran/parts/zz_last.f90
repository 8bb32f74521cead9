module zz_last
  implicit none
  integer, parameter :: one = 1
end module
