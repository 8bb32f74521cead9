module a_first
  use zz_last
  implicit none
contains
  integer function area(side)
    integer, intent(in) :: side
    area = product([side, side]) * one
  end function
end module
