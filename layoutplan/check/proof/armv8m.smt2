; PMSAv8 as SMT-LIB 2: what an Armv8-M MPU permits, from the register words.
; Sources: Armv8-M Architecture Reference Manual (DDI 0553), B9.4; MPU_RBAR, MPU_RLAR, MPU_MAIR0.
;   MPU_RBAR  31:5 BASE, 4:3 SH, 2:1 AP, 0 XN
;   MPU_RLAR  31:5 LIMIT (inclusive), 4 reserved before v8.1-M, 3:1 AttrIndx, 0 EN
; Addresses have 36 bits so that no sum wraps; an issued address is below 2^32.
; Rights are three bits: 0 read, 1 write, 2 execute.
(define-sort Addr () (_ BitVec 36))
(define-sort Word () (_ BitVec 32))
(define-sort Pair () (_ BitVec 64))
(define-sort Rights () (_ BitVec 3))

(define-fun issued ((a Addr)) Bool (bvult a #x100000000))
(define-fun within ((a Addr) (base Addr) (end Addr)) Bool (and (bvule base a) (bvult a end)))

(define-fun rlar.enabled ((rlar Word)) Bool (= ((_ extract 0 0) rlar) #b1))
(define-fun base ((rbar Word)) Addr (concat #x0 ((_ extract 31 5) rbar) #b00000))
(define-fun limit ((rlar Word)) Addr (concat #x0 ((_ extract 31 5) rlar) #b11111))
(define-fun matches ((rbar Word) (rlar Word) (a Addr)) Bool
  (and (rlar.enabled rlar) (bvule (base rbar) a) (bvule a (limit rlar))))

; The pair of the one region that matches; zero where none does or where two do.
(define-fun pair.rbar ((pair Pair)) Word ((_ extract 63 32) pair))
(define-fun pair.rlar ((pair Pair)) Word ((_ extract 31 0) pair))
(define-fun pair.none ((pair Pair)) Bool (not (rlar.enabled (pair.rlar pair))))
(define-fun rbar.ap ((rbar Word)) (_ BitVec 2) ((_ extract 2 1) rbar))
(define-fun rbar.xn ((rbar Word)) Bool (= ((_ extract 0 0) rbar) #b1))
(define-fun rbar.sh ((rbar Word)) (_ BitVec 2) ((_ extract 4 3) rbar))
(define-fun rights-of ((r Bool) (w Bool) (x Bool)) Rights
  (concat (ite x #b1 #b0) (ite w #b1 #b0) (ite r #b1 #b0)))

; AP: 00 privileged read-write, 01 any read-write, 10 privileged read-only, 11 any read-only.
(define-fun user ((pair Pair)) Rights
  (let ((ap (rbar.ap (pair.rbar pair))) (xn (rbar.xn (pair.rbar pair))))
    (ite (pair.none pair) #b000
         (rights-of (or (= ap #b01) (= ap #b11)) (= ap #b01) (and (or (= ap #b01) (= ap #b11)) (not xn))))))
; The default memory map: peripherals, external devices and the system space are execute-never.
(define-fun default.xn ((a Addr)) Bool
  (or (within a #x040000000 #x060000000) (within a #x0A0000000 #x100000000)))
; `clash`: two regions match, and the access faults at any privilege.
(define-fun privileged ((pair Pair) (clash Bool) (a Addr)) Rights
  (let ((ap (rbar.ap (pair.rbar pair))) (xn (rbar.xn (pair.rbar pair))))
    (ite (or clash (not (issued a))) #b000
    (ite (pair.none pair) (rights-of true true (not (default.xn a)))
         (rights-of true (or (= ap #b00) (= ap #b01)) (not xn))))))

; MAIR0 as boot writes it (an assumption of use); MAIR1 is zero.
(define-fun policy ((rlar Word)) (_ BitVec 8)
  (let ((i ((_ extract 3 1) rlar)))
    (ite (= i #b000) #xFF (ite (= i #b001) #xAA (ite (= i #b010) #x44 (ite (= i #b011) #x04 #x00))))))
(define-fun type.device ((pair Pair)) Bool (= (policy (pair.rlar pair)) #x04))
(define-fun type.normal-uncached ((pair Pair)) Bool (= (policy (pair.rlar pair)) #x44))
(define-fun type.normal-write-through ((pair Pair)) Bool (= (bvand (policy (pair.rlar pair)) #xCC) #x88))
(define-fun type.normal-write-back ((pair Pair)) Bool (= (bvand (policy (pair.rlar pair)) #xCC) #xCC))
(define-fun shareable ((pair Pair)) Bool (= ((_ extract 1 1) (rbar.sh (pair.rbar pair))) #b1))

; Reserved fields, and regions that end before they begin.
(define-fun malformed ((rbar Word) (rlar Word)) Bool
  (and (rlar.enabled rlar)
       (or (= (rbar.sh rbar) #b01)
           (= ((_ extract 4 4) rlar) #b1)
           (bvult (limit rlar) (base rbar)))))
(define-fun overlap ((rbar Word) (rlar Word) (rbar2 Word) (rlar2 Word)) Bool
  (and (rlar.enabled rlar) (rlar.enabled rlar2)
       (bvule (base rbar) (limit rlar)) (bvule (base rbar2) (limit rlar2))
       (bvule (base rbar) (limit rlar2)) (bvule (base rbar2) (limit rlar))))
